"""A candidate policy in shadow: counted, told now and then, and deciding nothing."""

from collections.abc import Callable

import pytest

from authz.decision import (
    ANONYMOUS,
    AccessRequest,
    Decision,
    Effect,
    Reason,
    Subject,
    signed_in,
)
from authz.errors import StoreError
from authz.policy.analysis.shadow import (
    MAX_LISTED,
    MAX_WAITING,
    Deviated,
    Deviation,
    Note,
    Shadow,
)
from authz.scope import Scope
from tests.policies import compiled, in_scopes

BOB = signed_in("user:bob", source="local", display_name="Bob")
CANDIDATE = "p, user:bob, /map, GET\np, role:everyone, /new, GET\n"


class Store:
    """A file that is not one."""

    def __init__(self, text: str | None = CANDIDATE) -> None:
        self.text = text

    def changed(self, since: object) -> tuple[str, bytes] | None:
        """Return the text, which tells it from any other, and its bytes."""
        if self.text is None:
            raise StoreError("policy.csv: gone")
        return None if self.text == since else (self.text, self.text.encode())


class Trial:
    """A shadow with its clock, and what it told."""

    def __init__(self, text: str | None = CANDIDATE, *, scoped: bool = False) -> None:
        self.store = Store(text)
        self.now = 0.0
        self.told: list[Deviated] = []
        self.problems: list[str] = []
        self.shadow = Shadow(
            self.store,
            in_scopes if scoped else compiled,
            tell=self.told.append,
            on_problem=self.problems.append,
            clock=lambda: self.now,
        )

    def answered(  # noqa: PLR0913 - what a note is made of
        self,
        path: str,
        reason: Reason,
        *,
        subject: Subject = BOB,
        scope: Scope | None = None,
        public: bool = False,
        route: str = "",
    ) -> None:
        """Note what a request for *path* was answered."""
        effect = (
            Effect.ALLOW
            if reason
            in {Reason.ALLOWED_BY_RULE, Reason.DECLARED_PUBLIC, Reason.REPORT_ONLY}
            else Effect.DENY
        )
        decision = Decision(effect=effect, reason=reason, rules=(), revision="r")
        asked = AccessRequest(subject=subject, path=path, method="GET", scope=scope)
        self.shadow.note(Note(asked, route or path, decision, public))


@pytest.fixture(name="trial")
def _trial() -> Trial:
    return Trial()


def test_what_is_counted(trial: Trial):
    """The same, newly allowed, newly denied."""
    trial.answered("/map", Reason.ALLOWED_BY_RULE)
    trial.answered("/old", Reason.ALLOWED_BY_RULE)
    trial.answered("/new", Reason.NO_RULE, subject=ANONYMOUS)
    trial.answered("/new", Reason.DENIED_BY_RULE, subject=ANONYMOUS)
    report = trial.shadow.report()

    assert (report.same, report.opened, report.closed, report.dropped) == (1, 2, 1, 0)
    assert report.deviations == (
        (Deviation("auth:anonymous", "GET", "/new", opens=True), 2),
        (Deviation("user:bob", "GET", "/old", opens=False), 1),
    )
    assert report.revision == compiled(CANDIDATE).revision


@pytest.mark.parametrize(
    ("path", "reason", "public", "same"),
    [
        ("/about", Reason.DECLARED_PUBLIC, True, True),
        ("/map", Reason.REPORT_ONLY, False, False),
        ("/old", Reason.REPORT_ONLY, False, True),
        ("/map", Reason.EVALUATION_FAILED, False, False),
    ],
)
def test_what_the_policy_in_force_said(
    trial: Trial, path: str, reason: Reason, public: bool, same: bool
):
    """A declaration counts for both; what report-only lets through was refused."""
    trial.answered(path, reason, public=public)

    assert trial.shadow.report().same == int(same)


@pytest.mark.parametrize(
    "reason", [Reason.CROSS_ORIGIN, Reason.MALFORMED, Reason.INVALID_CREDENTIALS]
)
def test_what_is_no_matter_of_the_policy(trial: Trial, reason: Reason):
    """It is not compared."""
    trial.answered("/map", reason)
    report = trial.shadow.report()

    assert (report.same, report.opened, report.closed) == (0, 0, 0)


def test_it_is_asked_about_the_same_scope():
    """What it allows for one library is no answer to a question about another."""
    trial = Trial("p, user:bob, library:kids, /map, GET\n", scoped=True)
    trial.answered("/map", Reason.ALLOWED_BY_RULE, scope=Scope("library:kids"))
    trial.answered("/map", Reason.ALLOWED_BY_RULE, scope=Scope("library:old"))
    report = trial.shadow.report()

    assert (report.same, report.closed) == (1, 1)


def test_it_is_told_now_and_then(trial: Trial):
    """The first at once; the same again after a minute, with how often it came."""
    for _ in range(5):
        trial.answered("/old", Reason.ALLOWED_BY_RULE)
    trial.shadow.refresh()
    trial.now = 59.0
    trial.answered("/old", Reason.ALLOWED_BY_RULE)
    trial.shadow.refresh()
    assert [told.times for told in trial.told] == [1]
    trial.now = 61.0
    trial.answered("/old", Reason.ALLOWED_BY_RULE)
    trial.shadow.refresh()

    assert [told.times for told in trial.told] == [1, 6]
    assert trial.told[0].decision.reason is Reason.NO_RULE
    assert trial.told[0].asked.subject.names == BOB.names


def test_paths_of_one_route_count_together(trial: Trial):
    """A deviation is about a route, not about each id."""
    for number in range(9):
        trial.answered(f"/x/{number}", Reason.ALLOWED_BY_RULE, route="/x/<int:id>")

    assert len(trial.shadow.report().deviations) == 1


def test_the_memory_is_bounded(trial: Trial):
    """Ten thousand differences are counted, five hundred listed; the rest dropped."""
    for number in range(MAX_WAITING + 25):
        trial.answered(f"/{number}", Reason.ALLOWED_BY_RULE)
    report = trial.shadow.report()

    assert report.closed == MAX_WAITING
    assert report.dropped == 25
    assert len(report.deviations) == len(trial.told) == MAX_LISTED


def test_another_candidate_starts_afresh(trial: Trial):
    """What the one before did is not counted for it; a comment is no other one."""
    trial.answered("/old", Reason.ALLOWED_BY_RULE)
    trial.shadow.refresh()
    trial.store.text = "# why\n" + CANDIDATE
    assert trial.shadow.report().closed == 1
    trial.store.text = "p, user:bob, /old, GET\n"

    assert trial.shadow.report().closed == 0
    trial.answered("/old", Reason.ALLOWED_BY_RULE)
    assert trial.shadow.report().same == 1


def test_a_candidate_that_cannot_be_used(trial: Trial):
    """It is said once; the last good one is asked until it is mended."""
    trial.store.text = "p, nonsense\n"
    for _ in range(3):
        trial.shadow.refresh()
    trial.answered("/map", Reason.ALLOWED_BY_RULE)
    report = trial.shadow.report()

    assert len(trial.problems) == 1
    assert report.problem == trial.problems[0]
    assert report.same == 1
    trial.store.text = CANDIDATE
    assert trial.shadow.report().problem is None


@pytest.mark.parametrize("text", [None, "p, nonsense\n"])
def test_a_first_candidate_that_cannot_be_used(text: str | None):
    """It stops nothing; nothing is compared until it can be."""
    trial = Trial(text)
    trial.answered("/map", Reason.ALLOWED_BY_RULE)
    report = trial.shadow.report()

    assert report.problem is not None
    assert (report.revision, report.same) == ("", 0)
    trial.store.text = CANDIDATE
    trial.answered("/map", Reason.ALLOWED_BY_RULE)
    assert trial.shadow.report().same == 1


def test_a_file_that_comes_back(trial: Trial):
    """The problem goes when the very same file is there again."""
    trial.store.text = None
    assert trial.shadow.report().problem == "policy.csv: gone"
    trial.store.text = CANDIDATE
    assert trial.shadow.report().problem is None


def test_the_subject_is_left_alone(trial: Trial):
    """What the policy in force noted about a subject stays."""
    subject = signed_in("user:x", source="local", display_name="")
    live: Callable = compiled(b"p, user:x, /map, GET\n").decide
    live(AccessRequest(subject=subject, path="/map", method="GET"))
    noted = subject.memo
    trial.answered("/map", Reason.ALLOWED_BY_RULE, subject=subject)
    trial.shadow.refresh()

    assert noted is not None
    assert subject.memo is noted
