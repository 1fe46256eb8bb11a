"""A short soak: what `make soak` does for minutes, for seconds."""

from collections.abc import Callable

import pytest

from tests.soak.csv_faults import csv_faults
from tests.soak.database import database_faults
from tests.soak.history import Answer, History, policy_text
from tests.soak.report import Bar, decision_bars, with_bars
from tests.soak.saves import killed_saves
from tests.soak.serve import InForce, Told, may
from tests.soak.serve import bars as serve_bars
from tests.soak.servers import ROOT

#: `make soak` asks as fast as it can, and leaves nothing to what runs beside it.
PAUSE = 0.02


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario",
    [
        pytest.param(lambda: killed_saves(30), id="saves"),
        pytest.param(lambda: csv_faults(5, pause=PAUSE), id="file"),
        pytest.param(lambda: database_faults(8, pause=PAUSE), id="replicas"),
    ],
)
def test_faults_change_no_decision(scenario: Callable[[], list[Bar]]):
    """Whatever dies or breaks, every decision is right and files are whole.

    How fresh decisions are, and how many connections are cut, `make soak` measures.
    """
    assert [str(bar) for bar in scenario() if not (bar.met or bar.timed)] == []


def test_a_wrong_decision_is_seen():
    """The soak would notice: a wrong answer, an unknown policy, an old one."""
    model, history = (ROOT / "model.conf").read_text(), History()
    old = history.expect(model, policy_text(1).encode())
    history.stored(old)
    history.stored(history.expect(model, policy_text(2).encode()))
    late = history.replaced[old] + 9
    right = ("anna", 0) in history.allowed[old]

    def bars(status: int, revision: str, asked: float) -> list[bool]:
        answer = Answer(
            user="anna",
            route=0,
            asked=asked,
            answered=asked,
            status=status,
            revision=revision,
        )
        return [bar.met for bar in decision_bars("x", [answer], history)]

    good, bad = (200, 403) if right else (403, 200)
    assert bars(good, old, 0.0) == [True, True, True]
    assert bars(bad, old, 0.0)[0] is False
    assert bars(good, "unknown", 0.0)[0] is False
    assert bars(good, old, late) == [True, False, False]
    # Nobody could read the newer one; and 2 s of those 9 somebody could.
    history.away.append((late - 8.5, late))
    assert bars(good, old, late) == [True, False, False, True]
    history.away[0] = (late - 7, late)
    assert bars(good, old, late) == [True, False, False, False]


def test_a_wrong_answer_of_authz_serve_is_seen():
    """An allow by a rule that is not there, for somebody else, or for a stranger."""
    in_force = InForce()
    in_force.tried(6)
    at, there = in_force.times[6][0], {"user": "anna", "host": 1, "route": 0}
    assert may(6, "anna", 1, 0)
    assert not may(6, "anna", 0, 0)

    def wrong(**more: object) -> bool:
        said = {"status": 200, "policy": 6, "who": "soak/anna", **there, **more}
        return in_force.is_wrong(Told(asked=at, answered=at, **said))  # type: ignore[arg-type]

    assert not wrong()
    assert not wrong(user="dora", who="dora", policy=-1)
    for more in (
        {"host": 0},
        {"policy": 7},
        {"policy": -1},
        {"who": "soak/ben"},
        {"user": ""},
        {"user": "dora", "route": 1},
        {"status": 403, "policy": -1, "who": ""},
        {"status": 401, "policy": -1, "who": ""},
    ):
        assert wrong(**more), more
    told = [Told(asked=at, answered=at, **there, status=200, policy=7, who="soak/anna")]
    assert serve_bars(told, in_force, kills=0, alive=True)[0].met is False


def test_the_figures_go_into_the_page():
    """In the place of those of the run before, and nothing else changes."""
    page = (ROOT / "docs" / "explanation" / "reliability.md").read_text()
    first, second = (Bar(name="x", met=yes, figure="1 s") for yes in (True, False))
    written = with_bars(page, [first], seconds=5)

    assert "| x | 1 s | yes |\n" in written
    again = with_bars(written, [second], seconds=5)
    assert again == written.replace("| x | 1 s | yes |", "| x | 1 s | NO |")
