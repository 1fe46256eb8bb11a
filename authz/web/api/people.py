"""`/people`: who the store knows, how they sign in, what roles they hold.

What somebody may do is given and taken by `/grants`.
"""

from datetime import timedelta
from typing import Any, Final

from authz.admin import people
from authz.admin.password_links import HOURS, MAX_HOURS, make_link
from authz.admin.people import PersonView
from authz.admin.roles import HeldRole
from authz.errors import StoreConflict
from authz.identity.passwords import MAX_PASSWORD, MIN_PASSWORD
from authz.identity.people import LOCAL, Person
from authz.web.api.operation import Call, Match, Operation, Reply
from authz.web.api.schema import (
    array,
    flag,
    moment,
    name,
    nullable,
    number,
    record,
    text,
)
from authz.web.api.schemas import (
    PAGING,
    SEARCH,
    page_document,
    page_of,
    paging,
    when,
)
from authz.web.password_page import link_for

_ID: Final = text("A local account's id.", least=1, most=64)
_PARTS: Final = {
    "source": text("`local`, or the name of an identity source.", least=1, most=64),
    "id": text("What the source calls them; a slash in it stands as it is.", least=1),
}
_PASSWORD: Final = {
    **text(
        f"{MIN_PASSWORD} to {MAX_PASSWORD} characters.",
        least=MIN_PASSWORD,
        most=MAX_PASSWORD,
    ),
    "writeOnly": True,
}
_CHANGE_FIRST: Final = flag(
    "Whether the password only lets them choose a new one, at the next sign-in."
)
_DISPLAY: Final = text("What to call them on a page.", least=1)
_PERSON: Final = record(
    {
        "id": text("What stands behind `user:`."),
        "name": text("The name the policy knows them by."),
        "source": text("Who vouches for them: `local`, or an identity source."),
        "display_name": text("What to call them on a page."),
        "disabled": flag("Whether they are refused, whatever the policy says."),
        "fixed": flag("Whether settings name them; then they cannot be changed here."),
        "signs_in_here": flag("Whether they have a password here, and may use it."),
        "must_change": flag("Whether they have to change the password to get in."),
        "groups": array(text("A group."), "The groups a provider named last."),
        "created": nullable(moment("When they were added.")),
        "last_seen": nullable(moment("When they were last seen.")),
        "roles": array(
            record(
                {
                    "role": text("The role."),
                    "scopes": array(
                        text("A scope pattern."),
                        "Where they hold it; empty in a policy without scopes.",
                    ),
                    "via": array(text("A name."), "From their own name to the role."),
                    "origins": array(
                        text("A place.", most=512), "Where the grants are written."
                    ),
                }
            ),
            "The roles they hold, and where each came from.",
        ),
    }
)


def _list(call: Call) -> Reply:
    query = call.query
    page = people.list_people(
        call.context,
        search=query.get("search", ""),
        source=query.get("source", ""),
        role=query.get("role", ""),
        reach=call.reach,
        **paging(query),
    )
    return Reply(document=page_document(page, _document))


def _get(call: Call) -> Reply:
    return _shown(people.find_person(call.context, _id(call)))


def _add(call: Call) -> Reply:
    body = call.body
    view = people.add_person(
        call.context,
        call.actor,
        id=body["id"],
        display_name=body.get("display_name", ""),
        password=body.get("password", ""),
        change_first=body.get("change_first", False),
        inherit=body.get("inherit", False),
    )
    return Reply(
        document=_document(view),
        status=201,
        etag=view.etag,
        location=f"/people/{LOCAL}/{view.person.id}",
    )


def _edit(call: Call) -> Reply:
    return _shown(
        people.edit_person(
            call.context,
            call.actor,
            _seen(call),
            display_name=call.body["display_name"],
            disabled=call.body["disabled"],
        )
    )


def _remove(call: Call) -> Reply:
    people.remove_person(call.context, call.actor, _seen(call))
    return Reply(status=204)


def _set_password(call: Call) -> Reply:
    return _shown(
        people.set_password(
            call.context,
            call.actor,
            _seen(call),
            call.body["password"],
            change_first=call.body.get("change_first", False),
        )
    )


def _make_link(call: Call) -> Reply:
    person = people.find_person(call.context, _id(call)).person
    lasts = timedelta(hours=call.body.get("hours", HOURS))
    code, kept = make_link(call.context, call.actor, person, lasts=lasts)
    document = {
        "link": link_for(person.id, code),
        "id": kept.id,
        "expires": when(kept.expires),
    }
    return Reply(document=document, status=201, location="/tokens")


def _drop_password(call: Call) -> Reply:
    return _shown(people.set_password(call.context, call.actor, _seen(call), ""))


def _sign_out(call: Call) -> Reply:
    view = people.find_person(call.context, _id(call))
    return _shown(people.sign_out_everywhere(call.context, call.actor, view.person))


def _id(call: Call) -> str:
    source, id_ = call.parts.get("source", LOCAL), call.parts["id"]
    return id_ if source == LOCAL else f"{source}/{id_}"


def _seen(call: Call) -> Person:
    """Return the person whom the caller has seen, as they are."""
    view = people.find_person(call.context, _id(call))
    if view.etag != call.match:
        raise StoreConflict("somebody else changed the person", "look at them again")
    return view.person


def _shown(view: PersonView) -> Reply:
    return Reply(document=_document(view), etag=view.etag)


def _document(view: PersonView) -> dict[str, Any]:
    person = view.person
    return {
        "id": person.id,
        "name": person.subject_name,
        "source": person.source,
        "display_name": person.display_name,
        "disabled": person.disabled,
        "fixed": person.fixed,
        "signs_in_here": view.signs_in_here,
        "must_change": person.must_change,
        "groups": sorted(person.groups),
        "created": when(person.created),
        "last_seen": when(person.last_seen),
        "roles": [_role(held) for held in view.roles],
    }


def _role(held: HeldRole) -> dict[str, Any]:
    first = [held.grants[0].member] if held.grants else []
    return {
        "role": held.role,
        "scopes": list(held.scopes),
        "via": [*first, *(grant.role for grant in held.grants)],
        "origins": [str(grant.origin) for grant in held.grants],
    }


_PATH: Final = "/people/<source>/<path:id>"
OPERATIONS: Final = (
    Operation(
        id="list_people",
        method="GET",
        path="/people",
        summary="List the people whom the store and the settings know",
        run=_list,
        query={
            **PAGING,
            "search": SEARCH,
            "source": text("Only people of this identity source.", most=64),
            "role": name("Only people who hold this role, however indirectly."),
        },
        answers={200: page_of(_PERSON)},
    ),
    Operation(
        id="add_person",
        method="POST",
        path="/people",
        summary="Add a local account; without a password nobody can sign in to it",
        run=_add,
        body=record(
            {"id": _ID},
            {
                "display_name": _DISPLAY,
                "password": _PASSWORD,
                "change_first": _CHANGE_FIRST,
                "inherit": flag(
                    "That the account is to have what the policy says of its name."
                ),
            },
        ),
        answers={201: _PERSON},
        has_etag=True,
        errors=(409,),
    ),
    Operation(
        id="get_person",
        method="GET",
        path=_PATH,
        summary="Show one person, with their roles and where each came from",
        run=_get,
        parts=_PARTS,
        answers={200: _PERSON},
        has_etag=True,
    ),
    Operation(
        id="edit_person",
        method="PUT",
        path=_PATH,
        summary="Rename, disable or enable a person",
        run=_edit,
        parts=_PARTS,
        body=record(
            {
                "display_name": _DISPLAY,
                "disabled": flag("Whether they are refused, whatever the policy says."),
            }
        ),
        answers={200: _PERSON},
        has_etag=True,
        match=Match.SEEN,
        errors=(409,),
    ),
    Operation(
        id="remove_person",
        method="DELETE",
        path=_PATH,
        summary="Forget a person, and end their sessions; their grants stay",
        run=_remove,
        parts=_PARTS,
        answers={204: None},
        match=Match.SEEN,
        errors=(409,),
    ),
    Operation(
        id="set_password",
        method="PUT",
        path="/people/local/<id>/password",
        summary="Give a local account another password, and end its sessions",
        run=_set_password,
        parts={"id": _PARTS["id"]},
        body=record({"password": _PASSWORD}, {"change_first": _CHANGE_FIRST}),
        answers={200: _PERSON},
        has_etag=True,
        match=Match.SEEN,
        errors=(409,),
    ),
    Operation(
        id="remove_password",
        method="DELETE",
        path="/people/local/<id>/password",
        summary="Take the password of a local account away, and end its sessions",
        run=_drop_password,
        parts={"id": _PARTS["id"]},
        answers={200: _PERSON},
        has_etag=True,
        match=Match.SEEN,
        errors=(409,),
    ),
    Operation(
        id="make_password_link",
        method="POST",
        path="/people/local/<id>/password-link",
        summary="Make a link with which a person sets their password, once; it is in "
        "this answer and nowhere else",
        run=_make_link,
        parts={"id": _PARTS["id"]},
        body=record(
            {},
            {"hours": number("For how many hours it works.", least=1, most=MAX_HOURS)},
        ),
        answers={
            201: record(
                {
                    "link": text(
                        "The link. Send it so that only they read it.", most=2048
                    ),
                    "id": text("Revokes it, as the id of a token."),
                    "expires": moment("Until when it works."),
                }
            )
        },
        errors=(409,),
    ),
    Operation(
        id="sign_out_person",
        method="DELETE",
        path="/sessions/<source>/<path:id>",
        summary="End every session of a person; they may sign in again",
        run=_sign_out,
        parts=_PARTS,
        answers={200: _PERSON},
        has_etag=True,
        errors=(409, 412),
    ),
)
