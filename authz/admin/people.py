"""People: who they are, how they sign in, what they may, and changes to all that."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from authz.admin.changes import Draft, apply
from authz.admin.context import Actor, AdminContext
from authz.admin.lockout_checks import people_check
from authz.admin.own_tokens import revoke_tokens_of
from authz.admin.pagination import DEFAULT_LIMIT, MAX_LIMIT, Page, paged
from authz.admin.password_links import end_links_of
from authz.admin.reach import is_theirs
from authz.admin.roles import GIVEN, HeldRole, names_that_lead_to, role_finder
from authz.admin.rules import grant_row
from authz.audit import EventTag
from authz.decision import Origin, Subject
from authz.errors import (
    AlreadyThere,
    LastAdmin,
    LockedOut,
    NotFound,
    PolicyError,
    Problem,
)
from authz.identity.accounts import hash_password
from authz.identity.passwords import password_problem
from authz.identity.people import (
    BY_ID,
    CHANGE_FIRST,
    LOCAL,
    PeopleOrder,
    Person,
    Whom,
)
from authz.identity.scoped_groups import grants_to
from authz.names import hidden_character
from authz.policy.records import Add, Remove
from authz.scope import EVERYWHERE, ScopeSet
from authz.settings import ACCOUNT_NAME

MAX_DISPLAY: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonView:
    """A person as an administrator sees them."""

    person: Person
    #: The roles they hold, and where each came from.
    roles: tuple[HeldRole, ...]
    #: What a writer shows to prove that they have seen this state of the person.
    etag: str

    @property
    def signs_in_here(self) -> bool:
        """Whether they have a password here and are not disabled."""
        return bool(self.person.password_hash) and not self.person.disabled


def list_people(  # noqa: PLR0913 - what a list can be narrowed by
    context: AdminContext,
    *,
    search: str = "",
    source: str = "",
    role: str = "",
    disabled: bool | None = None,
    reach: ScopeSet = EVERYWHERE,
    order: PeopleOrder = BY_ID,
    limit: int = DEFAULT_LIMIT,
    offset: int = 0,
) -> Page[PersonView]:
    """Return people in *order*, those whose id or display name holds *search*.

    Of the identity *source*, who hold *role*, who are *disabled* or are not; each if it
    is given. With a *reach* less than everywhere, those who have a role in some scope
    of it, by id.
    """
    limit = max(1, min(limit, MAX_LIMIT))
    offset = max(0, offset)
    view = _viewer(context)
    if not reach.is_all:
        within = _within(context, reach, search=search, source=source, role=role)
        return paged(
            (_as_seen(view(person), reach) for person in within),
            limit=limit,
            offset=offset,
        )
    page = context.people.page(
        search=search,
        source=source,
        whom=_whom(context, role, disabled=disabled),
        order=order,
        limit=limit,
        offset=offset,
    )
    return Page(
        items=tuple(map(view, page.people)),
        total=page.total,
        limit=limit,
        offset=offset,
    )


def _as_seen(view: PersonView, reach: ScopeSet) -> PersonView:
    """Return *view* with the roles that hold in some scope of *reach*."""
    seen = (
        replace(held, scopes=tuple(filter(reach.meets, held.scopes)))
        for held in view.roles
    )
    return replace(view, roles=tuple(held for held in seen if held.scopes))


def _within(
    context: AdminContext, reach: ScopeSet, *, search: str, source: str, role: str
) -> Iterator[Person]:
    wanted = search.casefold()
    for person in sorted(context.people.everyone(), key=lambda person: person.id):
        held = context.policy.held_by(subject_of(context, person))
        if (
            (not source or person.source == source)
            and (not role or any(map(reach.meets, held.get(role, ()))))
            and wanted in f"{person.id}\n{person.display_name}".casefold()
            and is_theirs(context.policy, reach, subject_of(context, person))
        ):
            yield person


def find_person(
    context: AdminContext,
    id: str,  # noqa: A002 - as in Person
    *,
    reach: ScopeSet = EVERYWHERE,
) -> PersonView:
    """Return the person *id*.

    Raises `NotFound`, also if they have no role in some scope of *reach*.
    """
    person = context.people.find(id)
    if person is None or not (
        reach.is_all or is_theirs(context.policy, reach, subject_of(context, person))
    ):
        raise NotFound(f"there is nobody called `{id[:80]}`")
    view = _view(context, person)
    return view if reach.is_all else _as_seen(view, reach)


def subject_of(context: AdminContext, person: Person) -> Subject:
    """Return the subject that *person* is when they sign in."""
    return context.runtime.arrivals.subject_of(person)


def add_person(  # noqa: PLR0913 - what an account is made of
    context: AdminContext,
    actor: Actor,
    *,
    id: str,  # noqa: A002 - as in Person
    display_name: str = "",
    password: str = "",
    change_first: bool = False,
    inherit: bool = False,
) -> PersonView:
    """Add the local account *id*. Without a *password* nobody can sign in to it.

    With *change_first* the password is good for choosing another one only.

    What the policy says of the name already would be theirs at once; that has to be
    meant: *inherit*.

    Raises:
        PolicyError: if the id, the name or the password cannot be one.
        AlreadyThere: if the id, or a look-alike, is taken, or the policy speaks of it.
        StoreReadOnly: if there is no store for people.
        StoreError: if the store or the audit log cannot be written.
    """
    problems = []
    if not ACCOUNT_NAME.fullmatch(id):
        problems.append(
            _problem("id", "use 1 to 64 letters, digits and `.`, `_`, `@`, `+`, `-`")
        )
    display_name = display_name.strip()
    problems += _display_problems(display_name) if display_name else []
    problems += _password_problems(password, id) if password else []
    if problems:
        raise PolicyError(problems)
    person = Person(
        id=id,
        display_name=display_name or id,
        source=LOCAL,
        password_hash=_hashed(password, change_first=change_first),
        created=context.runtime.clock(),
    )
    if not inherit:
        _refuse_inheritance(context, person)
    if context.people.find(id) is None:
        # Whoever had the id before left nothing that would be theirs.
        revoke_tokens_of(context, actor, id)
        end_links_of(context, actor, id)
    kept = _made(
        context,
        actor,
        EventTag.PERSON_ADDED,
        person.subject_name,
        lambda before_commit: context.people.add(
            person, check=lambda _: None, before_commit=before_commit
        ),
    )
    return _view(context, kept)


def grants_for(
    context: AdminContext,
    id: str,  # noqa: A002 - as in Person
    roles: Sequence[str],
    scopes: Sequence[str] = (),
) -> tuple[Add, ...]:
    """Return what gives the person *id* each of *roles*, in each of *scopes*.

    A policy with scopes needs at least one: none is guessed.

    Raises:
        PolicyError: if one of them cannot be given, or not there.
    """
    return tuple(
        Add(
            row=grant_row(
                member=f"user:{id}", role=role, scope=scope, columns=context.columns
            )
        )
        for role in roles
        for scope in scopes or ("",)
    )


def give_roles(
    context: AdminContext,
    actor: Actor,
    person: Person,
    roles: Sequence[str],
    scopes: Sequence[str] = (),
) -> None:
    """Give *person* each of *roles*, in each of *scopes*, at once, as one revision.

    Raises as `grants_for`, and `apply` of changes, do.
    """
    draft = Draft(
        base=context.records.etag(),
        changes=grants_for(context, person.id, roles, scopes),
    )
    apply(context, actor, draft, note=f"roles of {person.id}")


def take_grant(context: AdminContext, actor: Actor, person: Person, entry: str) -> None:
    """Take the grant *entry* of *person* away at once, as one revision.

    Raises as `apply` of changes does.
    """
    draft = Draft(base=context.records.etag(), changes=(Remove(id=entry),))
    apply(context, actor, draft, note=f"role taken from {person.id}")


def edit_person(
    context: AdminContext,
    actor: Actor,
    expected: Person,
    *,
    display_name: str | None = None,
    disabled: bool | None = None,
) -> PersonView:
    """Rename, disable or enable a person, who must be as *expected*.

    Who is disabled is refused from now on, whatever the policy says, and their
    sessions end.

    Raises:
        PolicyError: if the name cannot be one.
        LockedOut: if *actor* disables themselves.
        LastAdmin: if nobody could administer then.
        NotFound, StoreConflict, StoreReadOnly, StoreError: as stores do.
    """
    name = expected.display_name if display_name is None else display_name.strip()
    off = expected.disabled if disabled is None else disabled
    problems = _display_problems(name) if name != expected.display_name else []
    if problems:
        raise PolicyError(problems)
    if off and not expected.disabled:
        _refuse_self(context, actor, expected, "disable")
        end_links_of(context, actor, expected.id)
    return _replace(
        context,
        actor,
        EventTag.PERSON_CHANGED,
        expected,
        replace(expected, display_name=name, disabled=off),
    )


def set_password(
    context: AdminContext,
    actor: Actor,
    expected: Person,
    password: str,
    *,
    change_first: bool = False,
) -> PersonView:
    """Give a local account another password; an empty one takes it away.

    Their sessions end, and so does a link to set a password. With *change_first* the
    password is good for choosing another one only.

    Raises:
        PolicyError: if the password cannot be one; never with the password in it.
        LockedOut: if *actor* takes away their own.
        LastAdmin: if nobody could administer then.
        NotFound, StoreConflict, StoreReadOnly, StoreError: as stores do.
    """
    if expected.source != LOCAL:
        raise NotFound(
            f"`{expected.id}` signs in by `{expected.source}` and has no password here"
        )
    if password:
        problems = _password_problems(password, expected.id)
        if problems:
            raise PolicyError(problems)
    else:
        _refuse_self(context, actor, expected, "take away the password of")
    end_links_of(context, actor, expected.id)
    return _replace(
        context,
        actor,
        EventTag.PASSWORD_CHANGED,
        expected,
        replace(
            expected,
            password_hash=_hashed(password, change_first=change_first),
            epoch=expected.epoch + 1,
        ),
    )


def sign_out_everywhere(
    context: AdminContext, actor: Actor, expected: Person
) -> PersonView:
    """End every session of a person, who must be as *expected*.

    They may sign in again. Raises as `edit_person` does.
    """
    return _replace(
        context,
        actor,
        EventTag.PERSON_SIGNED_OUT,
        expected,
        replace(expected, epoch=expected.epoch + 1),
    )


def remove_person(context: AdminContext, actor: Actor, expected: Person) -> None:
    """Forget a person, who must be as *expected*; end their sessions and own tokens.

    Their grants stay in the policy, for whoever keeps it to remove.

    Raises:
        LockedOut: if *actor* removes themselves.
        LastAdmin: if nobody could administer then.
        NotFound, StoreConflict, StoreReadOnly, StoreError: as stores do.
    """
    _refuse_self(context, actor, expected, "remove")

    def remove(before_commit: Callable[[Person | None, Person | None], None]) -> Person:
        context.people.remove(
            expected,
            check=people_check(context, actor, expected),
            before_commit=before_commit,
        )
        return expected

    _made(context, actor, EventTag.PERSON_REMOVED, expected.subject_name, remove)
    revoke_tokens_of(context, actor, expected.id)
    end_links_of(context, actor, expected.id)


def _hashed(password: str, *, change_first: bool) -> str:
    """Return what is kept of *password*; nothing of an empty one."""
    if not password:
        return ""
    return f"{CHANGE_FIRST if change_first else ''}{hash_password(password)}"


def _replace(
    context: AdminContext, actor: Actor, tag: EventTag, expected: Person, person: Person
) -> PersonView:
    kept = _made(
        context,
        actor,
        tag,
        expected.subject_name,
        lambda before_commit: context.people.replace(
            person,
            expected=expected,
            check=people_check(context, actor, expected),
            before_commit=before_commit,
        ),
    )
    return _view(context, kept)


def _made(
    context: AdminContext,
    actor: Actor,
    tag: EventTag,
    about: str,
    change: Callable[[Callable[[Person | None, Person | None], None]], Person],
) -> Person:
    """Make *change*, whose record is written before it becomes visible."""
    recorded = False

    def before_commit(before: Person | None, after: Person | None) -> None:
        nonlocal recorded
        was, is_ = _lines(before), _lines(after)
        context.record(
            tag,
            actor,
            about=about,
            before=tuple(line for line in was if line not in is_),
            after=tuple(line for line in is_ if line not in was),
        )
        recorded = True

    try:
        kept = change(before_commit)
    except LastAdmin:
        _note_refusal(context, actor, about, "last-admin")
        raise
    except LookupError as error:
        if type(error) is not LookupError:
            raise  # a mistake of ours, not of who asks
        raise NotFound(str(error)) from error
    except BaseException as error:
        if recorded:
            context.record(
                EventTag.PERSON_CHANGE_FAILED,
                actor,
                about=about,
                reason=type(error).__name__,
            )
        raise
    context.runtime.refresh()
    return kept


def _lines(person: Person | None) -> tuple[str, ...]:
    """Return what a record tells of *person*; neither password nor hash."""
    if person is None:
        return ()
    return (
        f"display_name: {person.display_name}",
        f"source: {person.source}",
        f"password: {_password_in_words(person)}",
        f"disabled: {'yes' if person.disabled else 'no'}",
    )


def _password_in_words(person: Person) -> str:
    if person.must_change:
        return "set, to be changed at the next sign-in"
    return "set" if person.password_hash else "none"


def _note_refusal(context: AdminContext, actor: Actor, about: str, reason: str) -> None:
    context.record(EventTag.PERSON_CHANGE_REFUSED, actor, about=about, reason=reason)


def _refuse_self(
    context: AdminContext, actor: Actor, person: Person, verb: str
) -> None:
    if actor.name == person.subject_name:
        _note_refusal(context, actor, person.subject_name, "locked-out")
        raise LockedOut(
            f"you cannot {verb} yourself", "let another administrator do it"
        )


def _refuse_inheritance(context: AdminContext, person: Person) -> None:
    """Refuse an account to whose name the policy gives something already."""
    name = person.subject_name
    for subject, origin in _spoken_of(context):
        if subject == name:
            raise AlreadyThere(
                f"the policy already names `{name}` ({origin}), and the new account "
                "would have that at once",
                "remove it first, or say that this is intended (`--inherit`)",
            )


def _spoken_of(context: AdminContext) -> Iterator[tuple[str, Origin]]:
    """Yield each name that a rule or grant begins with, and where."""
    now, written = context.readable_snapshot(), context.policy.written
    if now is not None:
        for entry in now.entries:
            if not entry.disabled:
                yield entry.row.fields[0], entry.row.origin
    elif written is not None:
        yield from ((rule.subject, rule.origin) for rule in written.rules)
        yield from ((grant.member, grant.origin) for grant in written.grants)


def _view(context: AdminContext, person: Person) -> PersonView:
    return _viewer(context)(person)


def _viewer(context: AdminContext) -> Callable[[Person], PersonView]:
    roles = role_finder(context)
    return lambda person: PersonView(
        person=person,
        roles=roles(subject_of(context, person).names),
        etag=_etag(person),
    )


def _whom(context: AdminContext, role: str, *, disabled: bool | None) -> Whom | None:
    """Return what says whether somebody holds *role* and is *disabled*, or not."""
    holds = _whoever_holds(context, role) if role else None
    if disabled is None:
        return holds
    refused = context.runtime.accounts.refused

    def meant(id_: str, source: str, groups: frozenset[str]) -> bool:
        return (f"user:{id_}" in refused) is disabled and (
            holds is None or holds(id_, source, groups)
        )

    return meant


def _whoever_holds(context: AdminContext, role: str) -> Whom:
    """Return what says of somebody whether they hold *role*, by grants."""
    leading = names_that_lead_to(context, role)
    methods = dict(context.runtime.providers)
    patterns = [
        pattern
        for pattern in context.runtime.arrivals.scoped_groups
        if pattern.role == role or pattern.role in leading
    ]

    def holds(id_: str, source: str, groups: frozenset[str]) -> bool:
        # The names of `subject_of`, without a subject for each of ten thousand people.
        return (
            f"user:{id_}" in leading
            or f"auth:{methods.get(source, source)}" in leading
            or not groups.isdisjoint(leading)
            or bool(patterns and grants_to(groups, patterns))
        )

    if role in GIVEN:
        return lambda _id, _source, _groups: False  # it is given to nobody
    if not GIVEN.isdisjoint(leading):
        return lambda _id, _source, _groups: True
    return holds


def _etag(person: Person) -> str:
    parts = (
        person.id,
        person.source,
        person.display_name,
        str(person.disabled),
        str(person.epoch),
        # Whether there is one; another one is another epoch.
        str(bool(person.password_hash)),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]


def _display_problems(name: str) -> list[Problem]:
    if not name or len(name) > MAX_DISPLAY:
        return [_problem("display_name", f"use 1 to {MAX_DISPLAY} characters")]
    if not name.isprintable() or hidden_character(name):
        return [_problem("display_name", "remove what cannot be seen")]
    return []


def _password_problems(password: str, id_: str) -> list[Problem]:
    problem = password_problem(password, id=id_)
    return [problem] if problem else []


def _problem(where: str, hint: str) -> Problem:
    return Problem(where=where, message="this cannot be used", hint=hint)
