"""Codes and cookies of authz itself, kept among the API tokens: made, used up, ended.

They begin with what `identity.tokens` reserves, and identify nobody by themselves.
"""

from collections.abc import Callable
from datetime import timedelta

from authz.admin.context import Actor, AdminContext
from authz.admin.tokens import revoke_token
from authz.audit import EventTag
from authz.errors import InvalidCredentials
from authz.identity.tokens import ApiToken, TokenStore, new_token
from authz.identity.why import Why


def make_code(  # noqa: PLR0913 - what one has
    context: AdminContext,
    actor: Actor,
    store: TokenStore,
    *,
    tag: EventTag,
    about: str = "",
    said: tuple[str, ...] = (),
    name: str,
    role: str,
    lasts: timedelta,
) -> tuple[str, ApiToken]:
    """Return a new code, to be shown once, and its record, kept in *store*.

    The event *tag* is about *about*, or the code itself; it tells what is *said*, and
    until when the code holds.

    Raises:
        StoreError: if the store or the audit log cannot be written.
    """
    now = context.runtime.clock()
    until = now + lasts
    code, kept = new_token(name, role=role, author=actor.name, now=now, expires=until)

    def before_commit(_before: ApiToken | None, _after: ApiToken) -> None:
        after = (*said, f"until: {until.isoformat()}")
        context.record(tag, actor, about=about or kept.subject_name, after=after)

    store.add(kept, before_commit=before_commit)
    context.runtime.refresh()
    return code, kept


def use_up(
    context: AdminContext,
    store: TokenStore,
    kept: ApiToken,
    *,
    method: str,
    record: Callable[[], object],
) -> None:
    """End *kept*, whose code was shown; *record* records that it was used.

    Raises:
        InvalidCredentials: of *method*, if somebody else has used it at the same time.
        StoreError: if the store or the audit log cannot be written.
    """
    used = False

    def before_commit(_before: ApiToken | None, _after: ApiToken) -> None:
        # Of several who use it at once, the store calls this for one.
        nonlocal used
        record()
        used = True

    store.revoke(kept.id, context.runtime.clock(), before_commit=before_commit)
    if not used:
        raise InvalidCredentials(method, Why.UNKNOWN_TOKEN)


def end_codes(
    context: AdminContext, actor: Actor, store: TokenStore, name: str
) -> None:
    """End what is kept in *store* as *name*, if anything is.

    Raises:
        StoreError: if the store or the audit log cannot be written.
    """
    for kept in store.all():
        if kept.name == name and kept.revoked is None:
            revoke_token(context, actor, kept.id)
