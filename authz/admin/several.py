"""One change for several people at once: a role, or being let in at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from authz.admin.changes import Draft, apply
from authz.admin.context import Actor, AdminContext
from authz.admin.people import edit_person, grants_for
from authz.errors import AuthzError, LastAdmin, LockedOut, NotFound, StoreConflict
from authz.errors import StoreReadOnly as ReadOnly
from authz.identity.people import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a change for several people."""

    done: tuple[Person, ...]
    #: Those who stay as they were, and why.
    left: tuple[tuple[Person, AuthzError], ...] = ()


def let_in(
    context: AdminContext, actor: Actor, people: Sequence[Person], *, disabled: bool
) -> Outcome:
    """Disable or enable each of *people*; who cannot be stays as they are.

    The rule that an administrator remains holds for each: of all administrators the
    last one is left.

    Raises:
        StoreError: if the store or the audit log cannot be written.
    """
    done, left = [], []
    for person in people:
        if person.disabled == disabled:
            continue
        try:
            done.append(edit_person(context, actor, person, disabled=disabled).person)
        except (LastAdmin, LockedOut, NotFound, StoreConflict, ReadOnly) as error:
            left.append((person, error))
    return Outcome(done=tuple(done), left=tuple(left))


def give_role(
    context: AdminContext,
    actor: Actor,
    people: Sequence[Person],
    *,
    role: str,
    scope: str = "",
) -> Outcome:
    """Give each of *people* who was not given it the *role*, as one revision.

    In a policy with scopes in *scope*.

    Raises as `apply` of changes does; nobody has it then.
    """
    given = {
        entry.row.fields[0]
        for entry in context.records.snapshot().entries
        if not entry.disabled
        and entry.row.kind == "g"
        and entry.row.fields[1:] == (role, *([scope] if context.scoped else []))
    }
    missing = tuple(p for p in people if p.subject_name not in given)
    if missing:
        draft = Draft(
            base=context.records.etag(),
            changes=tuple(
                add
                for person in missing
                for add in grants_for(context, person.id, [role], [scope])
            ),
        )
        where = f" in {scope}" if scope else ""
        named = ", ".join(person.id for person in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""  # noqa: PLR2004
        apply(context, actor, draft, note=f"{role}{where} for {named}{more}")
    return Outcome(done=missing)
