"""A plugin for pytest that collects policy tests: `pytest --authz`.

A module of its own, outside the package: pytest imports plugins before anything else,
and this one must cost nothing in the runs of whoever does not ask for it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("authz", "policy tests")
    group.addoption(
        "--authz", action="store_true", help="Collect policy tests: *_test.yaml."
    )
    group.addoption(
        "--authz-policy",
        metavar="FILE",
        help="The policy that is asked; `policy.csv` beside the tests if left out.",
    )
    group.addoption(
        "--authz-routes",
        metavar="FILE",
        help="The routes of the app, as `flask authz routes --json` wrote them.",
    )
    parser.addini(
        "authz", "Always collect policy tests: *_test.yaml.", type="bool", default=False
    )
    parser.addini("authz_policy", "As --authz-policy.", default="")
    parser.addini("authz_routes", "As --authz-routes.", default="")


def pytest_collect_file(
    file_path: Path, parent: pytest.Collector
) -> "PolicyTestFile | None":
    """Collect *file_path* if it holds policy tests, and they are asked for."""
    config = parent.config
    if not (config.getoption("authz") or config.getini("authz")):
        return None
    if not file_path.name.endswith("_test.yaml"):
        return None
    file: PolicyTestFile = PolicyTestFile.from_parent(parent, path=file_path)
    return file


class PolicyTestFile(pytest.File):
    """A file of policy tests."""

    def collect(self) -> Iterator["PolicyTestItem"]:
        """Yield an item for each expectation."""
        from authz.errors import AuthzError
        from authz.policy.analysis.tests_file import read_tests
        from authz.policy.analysis.tests_run import run_tests

        try:
            file = read_tests(self.path.read_bytes(), source=self.path.name)
            policy, routes = self._policy(), self._routes()
            results = [result for result, _ in run_tests(file, policy, routes)]
        except AuthzError as error:
            raise self.CollectError(str(error)) from error
        for result in results:
            for outcome in result.outcomes:
                may = "may" if outcome.expectation.allowed else "may not"
                yield PolicyTestItem.from_parent(
                    self,
                    name=f"{result.test.name}: {outcome.expectation.person} {may} "
                    f"{outcome.expectation.request}",
                    outcome=outcome,
                )

    def _policy(self) -> Any:
        from authz.cli.sources import build, read_policy, settings_here

        named = self._setting("authz_policy")
        beside = self.path.with_name("policy.csv")
        place = named or (str(beside) if beside.exists() else None)
        settings = settings_here()
        return build(read_policy(place, settings), settings)

    def _routes(self) -> Any:
        from authz.cli.sources import known_routes

        return known_routes(self._setting("authz_routes") or None)

    def _setting(self, name: str) -> str:
        option = self.config.getoption(name)
        if option:
            return str(option)
        written = str(self.config.getini(name))
        # As a path in the folder of the configuration, wherever pytest was started.
        return str(self.config.rootpath / written) if written else ""


class PolicyTestItem(pytest.Item):
    """One expectation."""

    def __init__(self, *, outcome: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._outcome = outcome

    def runtest(self) -> None:
        """Fail if it does not hold."""
        if not self._outcome.passed:
            raise PolicyTestFailed(self._outcome)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """Return what was expected, and what the policy says instead."""
        if not isinstance(excinfo.value, PolicyTestFailed):
            return super().repr_failure(excinfo, style)
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return the file, the line from 0, and the name."""
        return self.path, self._outcome.expectation.line - 1, self.name


class PolicyTestFailed(Exception):
    """An expectation that does not hold."""

    def __init__(self, outcome: Any) -> None:
        wanted = "allow" if outcome.expectation.allowed else "deny"
        super().__init__(
            "\n".join(
                f"{surprise.where}: expected {wanted}, {surprise.why}"
                for surprise in outcome.surprises
            )
        )
