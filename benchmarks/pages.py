"""What administrators wait for in the pages, where there are ten thousand rules."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flask import Flask

from authz import Authz
from authz.extension import get_authz
from benchmarks.results import Bar
from tests.web.apps import ALICE, CHEAP_ALICE, Answer, Client, add_routes
from tests.web.pages.walk import draft_rule, hidden

RULES: Final = 10_000
PEOPLE: Final = 2_000
TURNS: Final = 5
#: Seconds that are promised for a change to be in force, and for a page to be there.
APPLIED: Final = 1.0
SHOWN: Final = 1.0
_CHANGES: Final = "/authz/admin/changes"
_APPLY: Final = "/authz/admin/changes/apply"
_LOOKED_AT: Final = (
    "/authz/admin/",
    "/authz/admin/rules",
    "/authz/admin/roles",
    "/authz/admin/tester?who=user:u77&method=GET&path=/data/77/x",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """Seconds that somebody waited, at the median and at most."""

    rules_in: str
    what: str
    median_s: float
    most_s: float


def measure() -> list[Waited]:
    """Look at pages, draft a rule and put it in force, with rules in a file and not."""
    return [each for kind in ("a file", "a database") for each in _measured(kind)]


def _measured(rules_in: str) -> Iterator[Waited]:
    with tempfile.TemporaryDirectory() as folder:
        app = _guarded(Path(folder), rules_in)
        try:
            alice = Client(app)
            alice.sign_in("alice", ALICE)
            yield _waited(rules_in, "pages that only show", _looks(alice))
            drafts: list[float] = []
            applied: list[float] = []
            for turn in range(TURNS):
                draft_rule(alice, "role:r1", f"/new/{turn}")
                form = _timed(drafts, lambda: alice(path=_CHANGES)).text
                fields = hidden(form, _APPLY) | {"note": "benchmark"}
                answer = _timed(applied, lambda: alice("POST", _APPLY, form=fields))  # noqa: B023 - at once
                assert answer.status == 303, answer.text  # noqa: S101 - it is in force
            yield _waited(rules_in, "the draft and what it means", drafts)
            yield _waited(rules_in, "a change put in force", applied)
        finally:
            get_authz(app).runtime.close()


def _looks(alice: Client) -> list[float]:
    taken: list[float] = []
    for path in _LOOKED_AT * TURNS:
        answer = _timed(taken, lambda: alice(path=path))  # noqa: B023 - called at once
        assert answer.status == 200, path  # noqa: S101 - it was shown
    return taken


def _timed(taken: list[float], call: Callable[[], Answer]) -> Answer:
    begun = time.perf_counter()
    answer = call()
    taken.append(time.perf_counter() - begun)
    return answer


def _waited(rules_in: str, what: str, taken: list[float]) -> Waited:
    return Waited(
        rules_in=rules_in,
        what=what,
        median_s=round(statistics.median(taken), 3),
        most_s=round(max(taken), 3),
    )


def _guarded(folder: Path, rules_in: str) -> Flask:
    path = folder / "policy.csv"
    path.write_text(
        "p, role:admin, /*, *\n"
        + "".join(f"p, role:r{n % 200}, /data/{n}/*, GET\n" for n in range(RULES))
        + "".join(f"g, user:u{n}, role:r{n % 200}\n" for n in range(PEOPLE)),
        encoding="utf-8",
    )
    app = Flask("benchmark")
    app.config.update(
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_STORE=f"sqlite:///{folder}/authz.db",
    )
    if rules_in == "a file":
        app.config.update(AUTHZ_POLICY=str(path), AUTHZ_POLICY_WRITABLE="true")
    else:
        app.config.update(AUTHZ_POLICY_SEED=str(path))
    add_routes(app)
    Authz(app)
    return app


def bars(found: list[Waited]) -> Iterator[Bar]:
    """Yield what is promised of the pages, and what was measured."""
    for each in found:
        is_applied = each.what == "a change put in force"
        most = APPLIED if is_applied else SHOWN
        yield Bar(
            promise=f"at {RULES:,} rules in {each.rules_in}, {each.what} in at most "
            f"{most:g} s",
            measured=f"{each.median_s:.2f} s, at most {each.most_s:.2f}",
            holds=each.median_s <= most,
        )
