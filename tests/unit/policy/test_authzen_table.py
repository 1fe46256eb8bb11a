"""The table that says what types of subjects and resources mean."""

import pytest

from authz.errors import PolicyError
from authz.policy.authzen_table import AuthzenTable, Target, read_authzen_table
from tests.policies import written

TABLE = b"""# Records, and the people of a provider.
subject, employee, user:authentik/
subject, identity, group
resource, record, r-1
action, record, read, GET, /records/:id
action, record, share, POST, /records/:id/share
"""


def test_what_a_table_says():
    """Lines may stand in any order."""
    table = read_authzen_table(TABLE)
    assert table.subjects["employee"] == "user:authentik/"
    assert table.subjects["identity"] == "group:"
    assert table.subjects["user"] == "user:"
    assert table.target("record", "7", "read") == Target("GET", "/records/7")
    assert table.target("record", "7", "share") == Target("POST", "/records/7/share")
    assert table.actions_of("record") == ("read", "share")
    assert table.resources == {"record": ("r-1",)}


@pytest.mark.parametrize(
    ("kind", "id_", "action"),
    [
        ("record", "", "read"),
        ("record", "a/b", "read"),
        ("record", "7", "fly"),
        ("planet", "7", "read"),
        ("route", "records", "GET"),
        ("route", "", "GET"),
    ],
)
def test_what_means_nothing(kind: str, id_: str, action: str):
    """Is no request, and so nothing that could be allowed."""
    assert read_authzen_table(TABLE).target(kind, id_, action) is None


def test_without_a_table_there_are_routes():
    """The path and the method as they are."""
    table = AuthzenTable()
    assert table.target("route", "/x", "PUT") == Target("PUT", "/x")
    assert "GET" in table.actions_of("route")
    assert table.target("record", "7", "read") is None


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/records/a", {"r-1", "a"}),
        ("/records/:id", {"r-1"}),
        ("/records/*", {"r-1"}),
        ("/records/a/share", {"r-1"}),
        ("/other/a", {"r-1"}),
        ("/:x/a", {"r-1"}),
        ("/records/a%2A", {"r-1", "a*"}),
    ],
)
def test_ids_that_rules_name(path: str, found: set[str]):
    """Are known beside those that the table lists."""
    rules = written(f"p, role:user, {path}, GET").rules
    table = read_authzen_table(TABLE)
    assert table.ids("record", "read", rules) == found
    assert table.ids("record", "fly", rules) == set()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "there is no declaration in it"),
        ("scope, /x, *, library, path:id", "a line declares"),
        ("action, record, read, GET", "a line declares"),
        ("Action, record, read, GET, /records/:id", "a line declares"),
        ("action, record, read, get, /records/:id", "unknown method `get`"),
        ("action, record, read, *, /records/:id", "unknown method `*`"),
        ("action, record, read, GET|PUT, /records/:id", "unknown method `GET|PUT`"),
        ("action, record, read, GET, /records", "has not one segment `:id`"),
        ("action, record, read, GET, /records/:name", "has not one segment `:id`"),
        ("action, record, read, GET, /:id/records/:id", "has not one segment `:id`"),
        ("action, record, read, GET, /:x/records/:id", "has not one segment `:id`"),
        ("action, record, read, GET, /records/:id/*", "has not one segment `:id`"),
        ("action, record, read, GET, records/:id", "does not begin with `/`"),
        ("action, record, read, GET, /{id}", "holds '{'"),
        ("action, route, read, GET, /records/:id", "`route` needs no line"),
        ("action, , read, GET, /records/:id", "a field is empty"),
        ("action, record, , GET, /records/:id", "a field is empty"),
        ("resource, record, 7", "nothing is said of what can be done"),
        ("resource, route, /x", "nothing is said of what can be done"),
        ("subject, user, group", "`user` is declared already"),
        ("subject, employee, person", "no names begin with `person`"),
        ("subject, employee, token", "no names begin with `token`"),
        ("subject, employee, auth", "no names begin with `auth`"),
        ("subject, employee, user:alice", "`user:alice` is no provider's"),
        ("subject, employee", "a line declares"),
        (
            "action, a, b, GET, /a/:id\naction, a, b, PUT, /a/:id",
            "`b` of `a` is declared already",
        ),
        ("subject, x, user\nsubject, x, group", "`x` is declared already"),
        (
            "action, a, b, GET, /a/:id\nresource, a, 1\nresource, a, 1",
            "`1` is declared already",
        ),
        ("action, a, b, GET, /a/:id\nresource, a, x/y", "cannot stand in a path"),
        ("action, a, b, GET, /a/:id\nresource, a, ..", "cannot stand in a path"),
        ("action, a, b\0, GET, /a/:id", ""),
    ],
)
def test_a_table_is_read_whole_or_not_at_all(line: str, said: str):
    """Every problem is told with its line."""
    with pytest.raises(PolicyError) as caught:
        read_authzen_table(line.encode(), source="t.csv")
    assert said in str(caught.value)
    assert str(caught.value.problems[0].where).startswith("t.csv")
