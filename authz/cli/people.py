"""`authz user`: people whom the store knows, from the shell of the host."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import click

from authz.admin.changes import Draft, apply
from authz.admin.context import Actor, AdminContext
from authz.admin.known_names import remarks_on_new
from authz.admin.password_links import HOURS, MAX_HOURS, PATH, make_link
from authz.admin.people import (
    PersonView,
    add_person,
    edit_person,
    find_person,
    grants_for,
    list_people,
    remove_person,
    set_password,
    sign_out_everywhere,
)
from authz.cli.app import context_here, shell
from authz.cli.outcome import Exit, complain, end, problems_in_words, warn
from authz.cli.output import Output, columns, plain, with_output
from authz.cli.password import read_password
from authz.cli.tokens import span
from authz.errors import PolicyError, StoreReadOnly
from authz.identity.people import Person
from authz.policy.csv_rows import spell, spell_grant
from authz.policy.records import Add

_LIMIT: Final = 500
_id_argument = click.argument("id")
_change_first = click.option(
    "--change-first",
    is_flag=True,
    help="The password only lets them choose a new one, at the next sign-in.",
)


@click.group("user")
def user() -> None:
    """Add, change and remove people; give them a password; sign them out.

    Accounts that settings name (AUTHZ_ADMIN and the like) are changed there. Everything
    is written to the audit log before it takes effect. Exit codes: 0 done; 3 it cannot
    be done, and why; 7 the store cannot be reached.
    """


@user.command("list")
@click.option(
    "--search", default="", help="Only people with this text in their id or name."
)
@click.option("--source", default="", help="Only people of this source: local.")
@click.option("--role", default="", help="Only people who hold this role: role:admin.")
@with_output
def list_(*, search: str, source: str, role: str, out: Output) -> None:
    """List people, with their roles and where each role comes from."""
    role = role if not role or role.startswith("role:") else f"role:{role}"
    with problems_in_words(), context_here() as context:
        found = list_people(
            context, search=search, source=source, role=role, limit=_LIMIT
        )
    out.document(
        {"total": found.total, "people": [_document(view) for view in found.items]}
    )
    out.lines(map(plain, columns(map(_cells, found.items))))
    if not found.items:
        out.line("nobody")
    if found.total > len(found.items):
        out.line(f"and {found.total - len(found.items)} more; narrow it with --search")


@user.command("add")
@_id_argument
@click.option("--role", "roles", multiple=True, help="A role to give; repeatable.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    help="Where the roles hold, in a policy with scopes: library:kids; repeatable.",
)
@click.option("--display-name", default="", help="The name to show on pages.")
@click.option(
    "--no-password",
    is_flag=True,
    help="Nobody can sign in to the account, until `authz user link` lets them.",
)
@_change_first
@click.option(
    "--inherit",
    is_flag=True,
    help="What the policy already says of this name is meant for them.",
)
@with_output
def add(  # noqa: PLR0913 - one parameter for each option
    id: str,  # noqa: A002 - what it is called everywhere
    *,
    roles: tuple[str, ...],
    scopes: tuple[str, ...],
    display_name: str,
    no_password: bool,
    change_first: bool,
    inherit: bool,
    out: Output,
) -> None:
    """Add the local account ID.

    Its password is asked for, or read as one line from standard input.
    """
    named = [role if role.startswith("role:") else f"role:{role}" for role in roles]
    if scopes and not named:
        raise click.UsageError("--scope says where a role holds: give --role too")
    with problems_in_words(), context_here(creates=True) as context:
        if named and not scopes and context.scoped:
            raise click.UsageError(
                "a role needs a scope in this policy: name it, as in --scope "
                "library:kids, or --scope '*' for every scope"
            )
        grants = grants_for(context, id, named, scopes)
        view = add_person(
            context,
            shell(),
            id=id,
            display_name=display_name,
            password="" if no_password else read_password(),
            change_first=change_first,
            inherit=inherit,
        )
        if grants:
            for remark in remarks_on_new(
                [(add.row.kind, *add.row.fields) for add in grants],
                people=context.people,
                before=context.policy.written,
                scopes=context.named_scopes(),
            ):
                warn(remark)
            _grant(context, id, grants)
            view = find_person(context, id)
    out.document({"person": _document(view)})
    out.line(f"added {view.person.subject_name}{_roles_in_words(view)}")


@user.command("edit")
@_id_argument
@click.option("--display-name", required=True, help="The name to show on pages.")
@with_output
def edit(id: str, *, display_name: str, out: Output) -> None:  # noqa: A002
    """Change what somebody is called on pages."""
    _change(out, id, "changed", partial(edit_person, display_name=display_name))


@user.command("disable")
@_id_argument
@with_output
def disable(id: str, *, out: Output) -> None:  # noqa: A002
    """Refuse somebody from now on, whatever the policy says; their sessions end."""
    _change(out, id, "disabled", partial(edit_person, disabled=True))


@user.command("enable")
@_id_argument
@with_output
def enable(id: str, *, out: Output) -> None:  # noqa: A002
    """Enable somebody who was disabled."""
    _change(out, id, "enabled", partial(edit_person, disabled=False))


@user.command("passwd")
@_id_argument
@click.option("--none", "nothing", is_flag=True, help="Take the password away.")
@_change_first
@with_output
def passwd(id: str, *, nothing: bool, change_first: bool, out: Output) -> None:  # noqa: A002
    """Set the password of a local account; its sessions end.

    It is asked for, or read as one line from standard input.
    """

    def change(context: AdminContext, actor: Actor, person: Person) -> PersonView:
        password = "" if nothing else read_password()
        return set_password(context, actor, person, password, change_first=change_first)

    said = "without a password now:" if nothing else "password set for"
    _change(out, id, said, change)


@user.command("link")
@_id_argument
@click.option(
    "--ttl",
    default=f"{HOURS}h",
    show_default=True,
    help=f"How long it works: at most {MAX_HOURS}h.",
)
@with_output
def link(id: str, *, ttl: str, out: Output) -> None:  # noqa: A002
    """Make a link with which somebody sets their own password, once.

    Prints the part that goes after the address of the app. A new link, a new password,
    or disabling them ends it; so does `authz token revoke password-link/ID`.
    """
    lasts = span(ttl, "--ttl")
    with problems_in_words(), context_here() as context:
        person = find_person(context, id).person
        code, kept = make_link(context, shell(), person, lasts=lasts)
        path = f"{context.settings.url_prefix}{PATH}#{person.id}:{code}"
    assert kept.expires is not None  # noqa: S101 - it always has an end
    out.document(
        {
            "path": path,
            "name": kept.subject_name,
            "person": person.subject_name,
            "expires": kept.expires.isoformat(),
        }
    )
    out.wanted(path)
    until = kept.expires.astimezone().isoformat(" ", "seconds")
    out.line("put it after the address of the app, https://host, and send it to them")
    out.line(f"it works once, until {until}; the app knows it within two seconds")


@user.command("sign-out")
@_id_argument
@with_output
def sign_out(id: str, *, out: Output) -> None:  # noqa: A002
    """End every session of somebody; they may sign in again."""
    _change(out, id, "signed out everywhere:", sign_out_everywhere)


@user.command("delete")
@_id_argument
@with_output
def delete(id: str, *, out: Output) -> None:  # noqa: A002
    """Forget somebody, and end their sessions. Their grants stay in the policy."""
    with problems_in_words(), context_here() as context:
        seen = find_person(context, id)
        remove_person(context, shell(), seen.person)
        left = _lines_about(context, seen.person.subject_name)
    out.document({"person": _document(seen), "left": left})
    out.line(f"deleted {seen.person.subject_name}")
    out.lines(f"  still there: {line}" for line in left)
    if left:
        out.line(
            "  whoever gets this id next has what these lines say: remove them as well"
        )


def _lines_about(context: AdminContext, name: str) -> list[str]:
    """Return the lines of the policy that still speak of *name*, and where."""
    written = context.policy.written
    if written is None:
        return []
    grants = [
        f"{spell_grant(grant)} ({grant.origin})"
        for grant in written.grants
        if grant.member == name
    ]
    rules = [
        f"{rule} ({rule.origin})" for rule in written.rules if rule.subject == name
    ]
    return grants + rules


def _grant(context: AdminContext, id_: str, changes: Sequence[Add]) -> None:
    """Give roles to a new account; where Git has the policy, say which lines to add."""
    draft = Draft(base=context.records.snapshot().etag, changes=tuple(changes))
    try:
        apply(context, shell(), draft, note=f"roles of {id_}")
    except PolicyError as error:
        for problem in error.problems:
            complain(str(problem))
        complain(
            f"the account `{id_}` exists but has no role, because the policy cannot be "
            "changed as it is: correct it, or go back with `authz rollback`, and then "
            "give the role"
        )
        end(Exit.INVALID)
    except StoreReadOnly:
        complain(
            f"the account `{id_}` exists but has no role, because the policy is "
            "changed where its file is kept: add "
            + ", ".join(f"`{spell('g', *add.row.fields)}`" for add in changes)
        )
        end(Exit.INVALID)


def _change(
    out: Output,
    id_: str,
    said: str,
    change: Callable[[AdminContext, Actor, Person], PersonView],
) -> None:
    """Make *change* to the person *id_*, and say so."""
    with problems_in_words(), context_here() as context:
        view = change(context, shell(), find_person(context, id_).person)
    out.document({"person": _document(view)})
    out.line(f"{said} {view.person.subject_name}")


def _roles_in_words(view: PersonView) -> str:
    names = [held.role for held in view.roles]
    return f" with {', '.join(names)}" if names else "; no role leads to them yet"


def _cells(view: PersonView) -> tuple[str, ...]:
    roles = ", ".join(held.role for held in view.roles) or "-"
    return view.person.subject_name, view.person.source, roles, _state(view)


def _state(view: PersonView) -> str:
    person = view.person
    states = [
        word
        for word, holds in (
            ("disabled", person.disabled),
            ("named by a setting", person.fixed),
            ("has to change the password", person.must_change),
            ("no password", person.source == "local" and not person.password_hash),
        )
        if holds
    ]
    return ", ".join(states)


def _document(view: PersonView) -> dict[str, Any]:
    person = view.person
    return {
        "id": person.id,
        "name": person.subject_name,
        "display_name": person.display_name,
        "source": person.source,
        "disabled": person.disabled,
        "fixed": person.fixed,
        "has_password": bool(person.password_hash),
        "must_change": person.must_change,
        "groups": sorted(person.groups),
        "roles": [held.role for held in view.roles],
        "created": person.created.isoformat() if person.created else None,
        "last_seen": person.last_seen.isoformat() if person.last_seen else None,
    }
