"""Credentials are sealed for one person and server, and seen by nobody."""

import copy
import json
import pickle
import traceback

import pytest
from authz_audiomuse.music.sealing import (
    NoKey,
    Seal,
    Unopenable,
    parse_keys,
)
from authz_audiomuse.music.secret import Secret
from hypothesis import given
from hypothesis import strategies as st

from authz.integration.sealing import new_secret

OLD, NEW = new_secret(), new_secret()
VALUES = {"account": "carol", "secret": "S3cret"}


def seal(*keys: str) -> Seal:
    """Return a seal with *keys*, newest first."""
    return Seal(parse_keys(",".join(keys)))


@given(st.dictionaries(st.text(), st.text()), st.text(), st.text())
def test_what_was_sealed_opens(values: dict[str, str], person: str, server: str):
    """For the same person and server, whatever it is."""
    sealed = seal(NEW).seal(values, person=person, server=server)

    opened = seal(NEW).open(sealed, person=person, server=server)
    assert {key: value.reveal() for key, value in opened.items()} == values


@pytest.mark.parametrize(
    ("person", "server"),
    [("user:dan", "home"), ("user:carol", "other"), ("user:carolhome", "")],
)
def test_it_opens_for_nobody_else(person: str, server: str):
    """A row copied to another person's, or another server's, is worth nothing."""
    sealed = seal(NEW).seal(VALUES, person="user:carol", server="home")

    with pytest.raises(Unopenable, match="sealed for somebody else"):
        seal(NEW).open(sealed, person=person, server=server)


def test_nothing_of_it_can_be_read():
    """Neither the account, nor the person, nor the secret."""
    sealed = seal(NEW).seal(VALUES, person="user:carol", server="home")

    assert sealed.isascii()
    assert not any(word in sealed for word in ("carol", "S3cret", "home"))
    assert sealed != seal(NEW).seal(VALUES, person="user:carol", server="home")


@pytest.mark.parametrize("place", [0, 10, 40, -5])
def test_a_changed_one_does_not_open(place: int):
    """One character is enough."""
    sealed = list(seal(NEW).seal(VALUES, person="user:carol", server="home"))
    sealed[place] = "A" if sealed[place] != "A" else "B"

    with pytest.raises(Unopenable):
        seal(NEW).open("".join(sealed), person="user:carol", server="home")


@pytest.mark.parametrize("sealed", ["", "x", "\u2603", json.dumps(VALUES)])
def test_what_was_never_sealed_does_not_open(sealed: str):
    """Whoever can write the database cannot make a credential."""
    with pytest.raises(Unopenable):
        seal(NEW).open(sealed, person="user:carol", server="home")


def test_an_older_key_opens_and_the_newest_seals():
    """So keys can be changed while the app runs."""
    sealed = seal(OLD).seal(VALUES, person="user:carol", server="home")
    both = seal(NEW, OLD)

    assert both.open(sealed, person="user:carol", server="home")
    assert not both.is_current(sealed)
    again = both.seal(VALUES, person="user:carol", server="home")
    assert both.is_current(again)
    with pytest.raises(Unopenable):
        seal(OLD).open(again, person="user:carol", server="home")


def test_without_a_key_nothing_is_sealed_or_opened():
    """It never falls back to something readable."""
    none = Seal(())

    assert not none
    with pytest.raises(NoKey, match="AUTHZ_ENCRYPTION_KEY"):
        none.seal(VALUES, person="user:carol", server="home")
    with pytest.raises(NoKey):
        none.open("x", person="user:carol", server="home")
    with pytest.raises(NoKey):
        none.is_current("x")


@pytest.mark.parametrize(
    "text",
    ["hunter2", OLD[:-1], OLD + "x", OLD.replace(OLD[3], "!"), f"{OLD},{OLD}"],
    ids=["a word", "short", "long", "another letter", "twice"],
)
def test_a_wrong_key_is_refused_and_not_repeated(text: str):
    """A message about a key holds no key."""
    with pytest.raises(ValueError, match="key") as caught:
        parse_keys(text)

    assert text not in str(caught.value)
    assert OLD not in str(caught.value)


def test_keys_may_stand_on_lines():
    """A file with one key a line, as an editor leaves it."""
    assert len(parse_keys(f"{NEW}\n{OLD}\n")) == 2


class TestSecret:
    def test_nothing_shows_it(self):
        """However somebody prints it."""
        secret = Secret("S3cret")

        shown = [
            repr(secret),
            str(secret),
            f"{secret}",
            f"{secret!r:>30}",
            f"{[secret]}",
        ]
        assert not any("S3cret" in text for text in shown)

    def test_it_is_not_written_down(self):
        """Neither pickled nor copied."""
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(TypeError):
                attempt(Secret("S3cret"))
        with pytest.raises(TypeError):
            json.dumps(Secret("S3cret"))

    def test_equal_ones_are_equal(self):
        """And have no hash to compare them by."""
        assert Secret("ä") == Secret("ä")
        assert Secret("a") != Secret("b")
        assert Secret("a") != "a"
        assert not Secret("")
        with pytest.raises(TypeError):
            hash(Secret("a"))


def test_no_traceback_holds_the_token():
    """The error is raised where the library's own error has been left behind."""
    sealed = seal(OLD).seal(VALUES, person="user:carol", server="home")
    with pytest.raises(Unopenable) as caught:
        seal(NEW).open(sealed, person="user:carol", server="home")

    assert caught.value.__context__ is None
    assert sealed not in "".join(traceback.format_exception(caught.value))
