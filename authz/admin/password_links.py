"""Links by which people set their own password: made, ended, and used once.

A link holds for hours. Its code stands behind the `#`, which no browser sends: it is in
no log of a server and in no `Referer`, and whatever opens links to look at them does
not use it up. What is kept is the code's SHA-256, among the API tokens.
"""

from datetime import timedelta
from typing import Final

from authz.admin.context import Actor, AdminContext
from authz.admin.kept_codes import end_codes, make_code, use_up
from authz.admin.tokens import kept_tokens
from authz.audit import EventTag
from authz.errors import (
    InvalidCredentials,
    NotFound,
    PolicyError,
    StoreReadOnly,
)
from authz.identity.accounts import METHOD, Account, same_password
from authz.identity.passwords import password_problem
from authz.identity.people import LOCAL, Person
from authz.identity.tokens import PASSWORD_LINK, ApiToken
from authz.identity.why import Why

#: Where the code is used, below the prefix of authz.
PATH: Final = "/password"
HOURS: Final = 24
#: The longest that a link holds.
MAX_HOURS: Final = 72
#: How long somebody has who must change their password, once they have signed in.
CHANGE_TIME: Final = timedelta(minutes=15)
#: Nobody holds it: a link is no token, and opens nothing but the form.
_ROLE: Final = "role:password-link"


def make_link(
    context: AdminContext, actor: Actor, person: Person, *, lasts: timedelta
) -> tuple[str, ApiToken]:
    """Return a code with which *person* sets their password, once, and its record.

    One that they had before ends now.

    Raises:
        NotFound: if they do not sign in here. PolicyError: if they are disabled, or it
        would be valid for too long. StoreReadOnly: if settings hold the account, or
        there is no store to keep the code in. StoreError: if the store or the audit log
        cannot be written.
    """
    if person.source != LOCAL:
        raise NotFound(
            f"`{person.id}` signs in by `{person.source}` and has no password here"
        )
    if person.fixed:
        raise StoreReadOnly(
            f"settings name the account `{person.id}`", "set its password there"
        )
    if person.disabled:
        raise PolicyError.at("link", f"`{person.id}` is disabled", "enable them first")
    if not timedelta() < lasts <= timedelta(hours=MAX_HOURS):
        raise PolicyError.at(
            "link", "it would be valid for too long", f"use at most {MAX_HOURS} hours"
        )
    store = context.runtime.stores.tokens
    if store is None:
        raise StoreReadOnly("there is no store to keep links in", "set AUTHZ_STORE")
    end_links_of(context, actor, person.id)
    return make_code(
        context,
        actor,
        store,
        tag=EventTag.PASSWORD_LINK_MADE,
        about=person.subject_name,
        name=PASSWORD_LINK + person.id,
        role=_ROLE,
        lasts=lasts,
    )


def link_of(context: AdminContext, id: str) -> ApiToken | None:  # noqa: A002 - as in Person
    """Return the record of the link that the person *id* may still use, or None."""
    now = context.runtime.clock()
    for kept in kept_tokens(context):
        if kept.name == PASSWORD_LINK + id and kept.expires and kept.expires > now:
            return kept
    return None


def end_links_of(context: AdminContext, actor: Actor, id: str) -> None:  # noqa: A002
    """End the link of the person *id*, if there is one.

    Raises:
        StoreError: if the store or the audit log cannot be written.
    """
    store = context.runtime.stores.tokens
    if store is not None:
        end_codes(context, actor, store, PASSWORD_LINK + id)


def account_of(context: AdminContext, code: str, name: str) -> Account:
    """Return the account *name*, whose password *code* sets. Nothing is used up.

    Raises:
        InvalidCredentials: if it is no code, is over, was used, is somebody else's, or
            its person is disabled or gone.
    """
    return _found(context, code, name)[1]


def use_link(
    context: AdminContext, actor: Actor, code: str, *, name: str, password: str
) -> Account:
    """Use *code* up, and return the account, about to get *password*.

    The caller sets it, as *actor*, who is the person; see `people.set_password`.

    Raises:
        InvalidCredentials: as `account_of`.
        PolicyError: if the password cannot be one, or is the one that they have to
            change; the code is as good as before then.
        StoreError: if the store or the audit log cannot be written.
    """
    kept, account = _found(context, code, name)
    problem = password_problem(password, id=account.name)
    if problem:
        raise PolicyError([problem])
    if account.must_change and same_password(password, account.password_hash):
        raise PolicyError.at(
            "password", "that is the password you have", "choose another one"
        )
    store = context.runtime.stores.tokens
    assert store is not None  # noqa: S101 - a code was found in it
    use_up(
        context,
        store,
        kept,
        method=METHOD,
        record=lambda: context.record(
            EventTag.PASSWORD_LINK_USED, actor, about=account.subject.name
        ),
    )
    return account


def _found(context: AdminContext, code: str, name: str) -> tuple[ApiToken, Account]:
    tokens = context.runtime.identity.tokens
    if tokens is None or context.runtime.stores.tokens is None:
        raise InvalidCredentials(METHOD, Why.UNKNOWN_TOKEN)
    kept = tokens.reserved(code, PASSWORD_LINK)
    id_ = kept.name.removeprefix(PASSWORD_LINK)
    account = context.runtime.accounts.by_name.get(id_)
    if account is None or name != id_:
        raise InvalidCredentials(METHOD, Why.UNKNOWN_TOKEN)
    return kept, account
