"""The table of scopes is read as strictly as a policy."""

import pytest

from authz.errors import PolicyError
from authz.policy.scope_table import declared_for, read_scope_table

GOOD = b"scope, /api/libraries/:id/*, GET, library, path:id, query:library\n"


def test_a_line_is_for_the_paths_and_methods_it_names():
    """The segment that it names is the one in the path."""
    (line,) = declared_for(read_scope_table(GOOD), "GET", "/api/libraries/kids/tracks")

    assert line.segment("/api/libraries/kids/tracks", "id") == "kids"
    assert not declared_for(read_scope_table(GOOD), "POST", "/api/libraries/kids/x")
    assert not declared_for(read_scope_table(GOOD), "GET", "/api/libraries")


@pytest.mark.parametrize(
    "line",
    [
        "", "scope, /a, GET, library", "p, /a, GET, library, host",
        "scope, a, GET, library, host", "scope, /a, get, library, host",
        "scope, /a, GET, Library, host", "scope, /a, GET, library, cookie:x",
        "scope, /a, GET, library, query:", "scope, /a, GET, library, host:x",
        "scope, /a/:id, GET, library, path:other", "scope, /a, GET, library, path:id",
        "scope, /:id/:id, GET, library, path:id", "scope, /a, GET, library, query:a,",
        "scope, /a, GET, library, narrowed:a",
        "scope, /a, GET, library, narrowed, host",
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_with_its_line(line: str):
    """Nothing is skipped: a route would be about none in particular."""
    with pytest.raises(PolicyError, match=r"scopes\.csv"):
        read_scope_table(f"# a table\n{line}\n".encode())
