"""The engines that are measured, each from the bytes of a policy to ready to answer."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import casbin

from authz.decision import PolicyInForce
from authz.policy.build import (
    BuiltPolicy,
    build_from_rows,
    build_policy,
    collector_paused,
)
from authz.policy.csv_rows import Row
from authz.policy.patterns import method_match, path_match
from authz.policy.recent_builds import RecentBuilds
from benchmarks.workload import Workload

MODEL: Final = Path(__file__).parents[1] / "model.conf"
HAS_OSO: Final = importlib.util.find_spec("oso") is not None

#: Asks whether a user may use a method on a path.
Ask = Callable[[str, str, str], Any]


def load_ours(path: Path) -> PolicyInForce:
    """Return our policy, from a file to ready to answer."""
    return build_policy(MODEL.read_text(encoding="utf-8"), path.read_bytes()).policy


def load_ours_again() -> Callable[[Path], PolicyInForce]:
    """Return what loads our policy from a file, as an app does that had it loaded."""
    model, recent = MODEL.read_text(encoding="utf-8"), RecentBuilds()

    def build(rows: tuple[Row, ...], before: BuiltPolicy | None) -> BuiltPolicy:
        return build_from_rows(model, rows, before=before)

    def load(path: Path) -> PolicyInForce:
        with collector_paused():
            read = recent.rows.read(path.read_bytes(), source=path.name)
            return recent.get(read.rows, model, build).policy

    return load


def load_stock(path: Path) -> Ask:
    """Return stock pycasbin, from a file to ready to answer."""
    enforcer = casbin.Enforcer(str(MODEL), str(path))
    enforcer.add_function("pathMatch", path_match)
    enforcer.add_function("methodMatch", method_match)
    return enforcer.enforce  # type: ignore[no-any-return]


def load_oso(path: Path) -> Ask:
    """Return oso, from a file that `as_polar` wrote to ready to answer."""
    from oso import Oso

    oso = Oso()
    oso.load_str(path.with_suffix(".polar").read_text(encoding="utf-8"))

    def ask(user: str, path: str, method: str) -> bool:
        answer: bool = oso.query_rule_once("allow", user, method, path.split("/")[1:])
        return answer

    return ask


LOADERS: Final[dict[str, Callable[[Path], Any]]] = {
    "authz": load_ours,
    "pycasbin": load_stock,
    "oso": load_oso,
}


def as_polar(workload: Workload) -> str:
    """Return the same rules as facts of oso's, which it finds by their fields."""
    lines = ["allow(user, method, path) if g(user, role) and p(role, method, path);"]
    lines += [
        f'p("role:r{role}", "{method}", {_polar(path)});'
        for role, rules in enumerate(workload.rules_of)
        for path, method in rules
    ]
    lines += [
        f'g("user:u{user}", "role:r{role}");'
        for user, role in enumerate(workload.role_of)
    ]
    lines += [
        f'g("group:g{role}", "role:r{role}");' for role in range(workload.size.roles)
    ]
    return "\n".join(lines)


def _polar(path: str) -> str:
    """Return a pattern as oso writes a list of segments."""
    written = (
        "_" if part.startswith(":") else "*_" if part == "*" else f'"{part}"'
        for part in path.split("/")[1:]
    )
    return f"[{', '.join(written)}]"
