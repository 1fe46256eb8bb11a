"""`authz apply` says whether every process that serves has taken the change."""

import os
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import Result

from authz.audit import LoggingSink, utc_now
from authz.runtime import Runtime, start
from authz.settings import read_settings
from authz.stores.replicas import Served
from authz.stores.sql import replicas
from authz.stores.sql.database import Database
from authz.stores.sql.replicas import SqlReplicas
from tests.cli.commands import document, run
from tests.cli.conftest import POLICY
from tests.services import until

pytestmark = pytest.mark.slow

MORE = POLICY + "p, role:user, /radio, GET\n"


@pytest.fixture(name="serving")
def _serving(
    policy: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Runtime]]:
    """Start a process that serves, with the settings that commands see too."""
    monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{policy.with_name('a.db')}")
    monkeypatch.setenv("AUTHZ_POLICY_SEED", str(policy.rename("seed.csv")))
    monkeypatch.setenv("AUTHZ_POLL_SECONDS", "0.1")
    Path("more.csv").write_text(MORE)
    running: list[Runtime] = []

    def begin(number: int = 1) -> Runtime:
        runtime = start(
            read_settings({}, os.environ),
            audit=LoggingSink(),
        )
        running.append(runtime)
        until(lambda: [replica.number for replica in runtime.replicas] == [number])
        return runtime

    yield begin
    for runtime in running:
        runtime.close()


def apply(*more: str) -> Result:
    """Apply the policy with one rule more."""
    return run("apply", "more.csv", "--note", "radio", *more)


def report(name: str, number: int, problem: str = "", ago: float = 0) -> None:
    """Let another process say, *ago* seconds ago, that it serves revision *number*."""
    served = Served(number=number, revision="0123456789abcdef", problem=problem)
    database = Database("sqlite:///a.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replicas, "this_process", lambda: name)
        at = utc_now() - timedelta(seconds=ago)
        SqlReplicas(database, clock=lambda: at).report(served)
    database.close()


def test_all_in_step(serving: Callable[..., Runtime]):
    """Once the process that serves has it, and how long that took."""
    runtime = serving()
    result = apply()

    assert result.exit_code == 0, result.output
    assert re.fullmatch(
        r"revision 2 applied \(\+1 -0\); 1 replica in step after \d+\.\d s\n",
        result.output,
    )
    assert "/radio" in {rule.path for rule in runtime.policy.source.rules}


def test_with_tests(serving: Callable[..., Runtime]):
    """What was tested stands in the same line."""
    serving()
    Path("t.yaml").write_text("tests: [{name: x, as: anonymous, deny: [GET /radio]}]")

    assert re.fullmatch(
        r"revision 2 applied \(\+1 -0\); 1 test holds; 1 replica in step after .* s\n",
        apply("--tests", "t.yaml").output,
    )


def test_one_that_stays_behind(serving: Callable[..., Runtime]):
    """It is named with what it serves and why, and the exit code is 7."""
    serving()
    report("music-2:7", 1)
    report("music-3:8", 2, problem="line 3: \x1b[2Jno")
    result = apply("--wait", "1.5")

    assert result.exit_code == 7
    assert "1 of 3 replicas in step after 1.5 s" in result.stdout
    assert "music-2:7 serves revision 1: the change is made" in result.stderr
    assert "music-3:8 serves revision 2 (line 3: \\x1b[2Jno)" in result.stderr
    assert "/radio" in run("export").output


def test_it_is_told_to_programs_too(serving: Callable[..., Runtime]):
    """In the document, with the names."""
    serving()
    report("music-2:7", 1)
    result = apply("--wait", "0.5", "--json")

    told = document(result, "apply")["replicas"]
    assert result.exit_code == 7
    assert [replica.rpartition(":")[2] for replica in told["in_step"]] == [
        str(os.getpid())
    ]
    assert told["behind"] == [{"name": "music-2:7", "number": 1, "problem": None}]


def test_who_is_newer_is_in_step(serving: Callable[..., Runtime]):
    """Somebody may have applied another change meanwhile."""
    serving()
    report("music-2:7", 5)

    assert "2 replicas in step" in apply().output


def test_who_does_not_serve_any_more_is_not_waited_for(
    serving: Callable[..., Runtime],
):
    """Neither whoever ended, who says so, nor whoever has been silent for long."""
    runtime = serving()
    report("music-2:7", 1, ago=30)
    runtime.close()

    assert apply().output == "revision 2 applied (+1 -0)\n"


def test_nobody_looks(serving: Callable[..., Runtime]):
    """With --wait 0."""
    serving()
    report("music-2:7", 1)
    result = apply("--wait", "0", "--json")

    assert result.exit_code == 0
    assert document(result, "apply")["replicas"] is None


def test_rules_in_a_file_that_is_written(
    policy: Path, monkeypatch: pytest.MonkeyPatch, serving: Callable[..., Runtime]
):
    """People in the database, rules in a file: what the file was made into tells."""
    policy.write_text(POLICY)
    monkeypatch.setenv("AUTHZ_POLICY", str(policy))
    monkeypatch.setenv("AUTHZ_POLICY_WRITABLE", "true")
    monkeypatch.delenv("AUTHZ_POLICY_SEED")
    serving(0)
    report("music-2:7", 0)
    result = apply("--wait", "1.5")

    assert result.exit_code == 7
    assert "1 of 2 replicas in step" in result.stdout
    assert "music-2:7 serves 0123456789ab" in result.stderr
