"""Several people at once, all administrators among them: one is always left."""

from collections.abc import Callable
from pathlib import Path

import pytest

from authz.admin import changes, people
from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.admin.several import let_in
from authz.cli.app import shell
from authz.errors import LastAdmin, LockedOut, PolicyError
from authz.policy.records import Remove

THREE = ("ann", "bea", "cleo")
RULES = "p, role:user, /map, GET\np, role:admin, /*, *\n"
GRANTS = "".join(f"g, user:{id_}, role:admin\n" for id_ in THREE)
WORDS = "paper boat harbour lamp"


@pytest.fixture(name="context")
def _context(make_context: Callable[..., AdminContext], tmp_path: Path) -> AdminContext:
    """Three administrators of a database, and none of the settings."""
    store = f"sqlite:///{tmp_path}/authz.db"
    first = make_context(RULES, AUTHZ_STORE=store)
    for id_ in THREE:
        people.add_person(first, shell(), id=id_, password=WORDS)
    first.runtime.close()
    none = dict.fromkeys(("ADMIN", "ADMIN_PASSWORD", "USER", "USER_PASSWORD"))
    return make_context(
        RULES + GRANTS,
        AUTHZ_STORE=store,
        **{f"AUTHZ_{name}": value for name, value in none.items()},
    )


def test_one_of_all_administrators_is_left(context: AdminContext):
    """To take the role from all is refused as a whole; the last is not disabled."""
    entries = context.records.snapshot().entries
    grants = tuple(Remove(id=e.id) for e in entries if e.row.kind == "g")
    draft = Draft(base=context.records.etag(), changes=grants)
    with pytest.raises((LastAdmin, LockedOut, PolicyError), match="nobody"):
        changes.apply(context, shell(), draft, note="all of them")
    assert context.records.snapshot().entries == entries

    all_of_them = [people.find_person(context, id_).person for id_ in THREE]
    outcome = let_in(context, shell(), all_of_them, disabled=True)

    assert [person.id for person in outcome.done] == ["ann", "bea"]
    [(left, why)] = outcome.left
    assert left.id == "cleo"
    assert isinstance(why, LastAdmin | LockedOut)
    assert not people.find_person(context, "cleo").person.disabled
