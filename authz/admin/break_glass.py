"""Opening the administration for minutes, and using the code that opens it."""

from datetime import timedelta

from authz.admin.context import Actor, AdminContext
from authz.admin.kept_codes import end_codes, make_code, use_up
from authz.audit import EventTag
from authz.errors import InvalidCredentials, PolicyError, StoreReadOnly
from authz.identity.break_glass import MAX_MINUTES, METHOD, is_code
from authz.identity.source import RequestFacts
from authz.identity.tokens import BREAK_GLASS, ApiToken, TokenStore, new_token
from authz.identity.why import Why
from authz.policy.rules import ADMIN
from authz.settings import ACCOUNT_NAME


def open_glass(
    context: AdminContext, actor: Actor, *, user: str, lasts: timedelta
) -> tuple[str, ApiToken]:
    """Return a code with which *user* gets into the administration, once.

    What it opens is over when *lasts* has passed, however late the code is used. A code
    or a way in that *user* had before ends now.

    Raises:
        PolicyError: if *user* cannot be part of a name, or it would last too long.
        StoreReadOnly: if there is no store to keep tokens in.
        StoreError: if the store or the audit log cannot be written.
    """
    if not timedelta() < lasts <= timedelta(minutes=MAX_MINUTES):
        raise PolicyError.at(
            "break-glass",
            "that is too long for an emergency",
            f"use at most {MAX_MINUTES} minutes",
        )
    if not ACCOUNT_NAME.fullmatch(user):
        raise PolicyError.at(
            "break-glass",
            f"`{user[:80]}` names nobody",
            "use 1 to 64 letters, digits and `.`, `_`, `@`, `+`, `-`",
        )
    store = _store(context)
    name = BREAK_GLASS + user
    end_codes(context, actor, store, name)
    return make_code(
        context,
        actor,
        store,
        tag=EventTag.BREAK_GLASS_OPENED,
        said=(f"role: {ADMIN}",),
        name=name,
        role=ADMIN,
        lasts=lasts,
    )


def use_code(
    context: AdminContext, code: str, *, facts: RequestFacts
) -> tuple[str, ApiToken]:
    """Use *code* up; return what the browser of who typed it in is to be given.

    Raises:
        InvalidCredentials: if it is no code, is over, or was used before.
        StoreError: if the store or the audit log cannot be written. The code may be
            used up then: nothing came of it, and the shell makes another.
    """
    tokens = context.runtime.identity.tokens
    if tokens is None:
        raise InvalidCredentials(METHOD, Why.UNKNOWN_TOKEN)
    kept = tokens.reserved(code, BREAK_GLASS)
    if not is_code(kept):
        raise InvalidCredentials(METHOD, Why.UNKNOWN_TOKEN)
    store = _store(context)
    secret, cookie = new_token(
        kept.name,
        role=kept.role,
        author=kept.subject_name,
        now=context.runtime.clock(),
        expires=kept.expires,
    )
    use_up(
        context,
        store,
        kept,
        method=METHOD,
        record=lambda: context.runtime.record(
            EventTag.BREAK_GLASS_USED, subject=kept.subject_name, facts=facts
        ),
    )
    # It comes of the code, whose use has just been written down.
    store.add(cookie, before_commit=lambda _before, _after: None)
    context.runtime.refresh()
    return secret, cookie


def _store(context: AdminContext) -> TokenStore:
    store = context.runtime.stores.tokens
    if store is None:
        raise StoreReadOnly(
            "there is no store to keep the code in",
            "set AUTHZ_STORE; or set AUTHZ_ADMIN and "
            "AUTHZ_ADMIN_PASSWORD, and start the app again",
        )
    return store
