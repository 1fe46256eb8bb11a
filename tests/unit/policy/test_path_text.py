"""How a path is written: any path of a request can be, in one way."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authz.decision import Effect, Origin, Rule
from authz.errors import MalformedRequest
from authz.policy.path_index import PathIndex
from authz.policy.path_text import (
    _is_readable,
    _is_usual,
    path_problem,
    plain,
    spell_path,
)
from authz.policy.patterns import PathPattern
from authz.web.canonical import check_canonical

_MARKS = st.text("ab:*%?#|{}<>[]^$()+. \u00e9", max_size=8)
_PATHS = st.lists(_MARKS | st.text(max_size=8), min_size=1, max_size=4).map(
    lambda segments: "/" + "/".join(segments)
)


def can_be_asked(path: str) -> bool:
    """Return whether a request with *path* gets to the policy, and can be seen."""
    try:
        check_canonical({"REQUEST_METHOD": "GET", "PATH_INFO": path}, path, "GET")
    except MalformedRequest:
        return False
    return path.isprintable()


@given(_PATHS, _PATHS)
@example("/:id", "/x")
@example("/a/*", "/a/x")
@example("/a%2A", "/a*")
@example("/a)", "/a(")
@example("/(b)+", "/b")
@example("/x.+y", "/x..y")
@example("/a ", "/a")
@example("/%5B", "/[")
def test_every_path_can_be_written(path: str, other: str):
    """A rule can be about one path and no other, whatever is in it."""
    if not can_be_asked(path):
        return
    text = spell_path(path)
    rule = Rule(
        subject="user:a",
        path=text,
        methods=frozenset(),
        effect=Effect.ALLOW,
        origin=Origin("policy.csv", 1),
    )
    index = PathIndex.of([rule])

    assert path_problem(text) is None
    assert plain(text) == path
    assert not PathPattern.of(text).is_wide
    assert PathPattern.of(text).sample() == path
    assert PathPattern.of(text).matches(path)
    assert index.find(path)
    assert PathPattern.of(text).matches(other) is (path == other)
    assert bool(index.find(other)) is (path == other)


@given(_PATHS)
def test_a_path_has_one_spelling(path: str):
    """What is accepted and matches one path is its spelling, but for parentheses."""
    pattern = PathPattern.of(path)
    if path_problem(path) is None and not pattern.is_wide:
        assert PathPattern.of(spell_path(plain(path))).segments == pattern.segments


@pytest.mark.parametrize(
    ("text", "mend"),
    [
        ("/api/{id}", "write `/api/:id`"),
        ("/api/<int:id>/x", "write `/api/:id/x`"),
        ("/api/<path:rest>", "write `/api/*`"),
        ("/api/:id(\\d+)", "write `/api/:id`"),
        ("/api/:id?", "write `/api/:id`"),
        ("^/book$", "write `/book`"),
        ("^/book/\\d+$", "write `/book/:any`"),
        ("/book/(.*)", "write `/book/*`"),
        ("/a\\.b", "write `/a.b`"),
        (".*", "write `/*`"),
        ("**", "write `/*`"),
        ("/api/*/x", "write `/api/:any/x`"),
        ("/api*", "write two rules, `/api` and `/api/*`"),
        ("/api/**", "write `/api/*`"),
        ("/files/*.jpg", "for that very path write `/files/%2A.jpg`"),
        ("/files/[1]", "for that very path write `/files/%5B1%5D`"),
        ("/smile:)", "for that very path write `/smile:%29`"),
        ("/a?", "for that very path write `/a%3F`"),
        ("/100%", "write `/100%25`"),
        ("/caf%C3%A9", "write `/caf\u00e9`"),
        ("/a%20b", "write `/a b`"),
        ("/a%5bb", "write `/a%5Bb`"),
        ("/a%2fb", "no segment has a slash"),
        ("\u201c/map\u201d", "write `/map`"),
        ("map", "write `/map`"),
        ("!/map", "write `/map`, with the effect `deny`"),
        ("~ /map", "write `/map`"),
        ("/static/{*path}", "write `/static/*`"),
        ("/static/{path:.*}", "write `/static/*`"),
    ],
)
def test_the_mend_is_what_was_meant(text: str, mend: str):
    """Who comes from another language of patterns is told the line to write."""
    problem = path_problem(text)

    assert problem is not None
    assert mend in (problem.hint or "")


@given(_PATHS)
def test_a_mend_can_be_written(path: str):
    """What a message tells to write is taken."""
    problem = path_problem(path)
    if problem and "for that very path write `" in problem.hint:
        text = problem.hint.rpartition("for that very path write `")[2][:-1]
        assert path_problem(text) is None
        assert plain(text) == path


@given(st.text(alphabet="/ab.:_~-*%2A+(1 é", max_size=24).map("/{}".format))
@example("/a/../b")
@example("/a/%2A")
@example("/a/*/b")
@example("/" + "/".join(["a"] * 65))
@example("/" + "a" * 1024)
def test_the_usual_ones_are_no_exception(path: str):
    """What is told at a glance to be well formed is so by every rule there is."""
    if _is_usual(path):
        assert _is_readable(path)
        assert plain(path) == path
