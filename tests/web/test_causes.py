"""Every cause for which a sign-in can be refused is in the log, told, and in the guide.

The set of causes is `Why`. Whoever adds one is told here what else belongs to it.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from authz.admin.doctor.hints import HINTS
from authz.errors import InvalidCredentials
from authz.identity.source import RequestFacts
from authz.identity.why import Why
from authz.web.causes import TOLD, told
from tests.web.apps import Client, RecordingSink

MakeApp = Callable[..., Flask]
ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "how-to" / "troubleshoot-sign-in.md"
REFERENCE = ROOT / "docs" / "reference" / "events.md"


class Refusing:
    """An identity source that refuses everybody, for a cause."""

    method = "refusing"
    ambient = True

    def __init__(self) -> None:
        self.why = ""

    def identify(self, facts: RequestFacts) -> None:
        """Refuse whoever asks."""
        raise InvalidCredentials("refusing", self.why)


def test_each_has_a_sentence_a_mend_and_an_entry_in_the_guide():
    """A cause that nobody can look up helps nobody."""
    rows = {
        line.split("`")[1]
        for line in GUIDE.read_text().splitlines()
        if line.startswith("| `")
    }

    assert set(TOLD) == set(HINTS) == set(Why)
    assert {str(why) for why in Why} - rows == set()
    assert [w for w in Why if f"| `{w}` |" not in REFERENCE.read_text()] == []


def test_no_two_are_one():
    """Each has a word and a sentence of its own."""
    assert len(Why.__members__) == len(set(Why)) == len(set(TOLD.values()))
    assert all(text.endswith(".") and text[0].isupper() for text in TOLD.values())


@pytest.mark.parametrize("layer", ["authz", "adapters"])
def test_nothing_is_refused_for_a_cause_that_is_not_listed(layer: str):
    """A word of its own, somewhere in the code, would be in no list."""
    written = list(_causes_in(ROOT / layer))

    assert {word for word in written if word not in set(Why)} == set()


def test_each_that_is_listed_is_one_that_the_code_gives():
    """What is never given needs no sentence."""
    text = "".join(
        path.read_text() for path in _sources(ROOT / "authz") if path.name != "why.py"
    )

    unused = [
        why
        for why in Why
        if text.count(f"Why.{why.name}") <= 2 and f'"{why}"' not in text
    ]
    assert unused == []


def test_each_is_the_reason_of_its_event_and_said_to_whoever_asks(
    make_app: MakeApp, sink: RecordingSink
):
    """One walk through all of them: what the log says, and what the page says."""
    source = Refusing()
    client = Client(make_app(authz={"sources": [source]}))

    for why in Why:
        source.why = why
        for accept in ("text/html", "application/json"):
            sink.events.clear()
            answer = client(path="/map", accept=accept)

            assert answer.status == (429 if why is Why.TOO_MANY_ATTEMPTS else 401)
            assert answer.ran is None
            [event] = sink.events
            assert (event.tag, event.reason) == ("identity:invalid", why)
            if why is not Why.TOO_MANY_ATTEMPTS:
                assert told(why).split("{")[0] in answer.text.replace("&#39;", "'"), why


def test_a_source_may_have_words_of_its_own():
    """What authz does not know it says nothing about."""
    assert told("moon-phase") == told("another")


def _causes_in(folder: Path) -> Iterator[str]:
    """Yield each cause that the code below *folder* writes as a text.

    Types hold what is written as a member of `Why`.
    """
    for path in _sources(folder):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and "InvalidCredentials" in ast.unparse(
                node.func
            ):
                for cause in (*node.args[1:2], *(k.value for k in node.keywords)):
                    if isinstance(cause, ast.Constant):
                        yield str(cause.value)


def _sources(folder: Path) -> Iterator[Path]:
    return (p for p in sorted(folder.rglob("*.py")) if "tests" not in p.parts)


@pytest.mark.parametrize("why", ["account-changed", "roles-changed"])
def test_the_sign_in_page_says_why_a_session_is_over(make_app: MakeApp, why: str):
    """The page alone cannot know, and only these are said: anybody may write a link."""
    client = Client(make_app())

    assert told(why) in client(path=f"/authz/sign-in?ended={why}").text
    for other in ("unknown-or-expired", "bad-signature", "<b>you</b>"):
        page = client(path=f"/authz/sign-in?ended={other}")
        assert page.status == 200
        assert "authz-error" not in page.text
