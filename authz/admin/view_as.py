"""Looking at the app as somebody else does: begun, and ended."""

import secrets
from datetime import timedelta
from typing import Final

from authz.admin.context import Actor, AdminContext
from authz.admin.kept_codes import make_code
from authz.admin.people import subject_of
from authz.audit import EventTag
from authz.errors import PolicyError, StoreReadOnly
from authz.identity.people import Person
from authz.identity.tokens import VIEW_AS, ApiToken
from authz.identity.view_as import MINUTES, ViewAs, name_for, person_in

#: Nobody holds it: what is kept is no token.
_ROLE: Final = "role:view-as"


def may_be_viewed(context: AdminContext, person: Person) -> bool:
    """Return whether the app can be looked at as *person* sees it."""
    view = context.runtime.view_as
    return (
        view is not None
        and not person.disabled
        and not view.is_off_limits(subject_of(context, person))
    )


def begin_view(
    context: AdminContext, actor: Actor, person: Person
) -> tuple[str, ApiToken]:
    """Return what the browser of *actor* is to hold, to look as *person*.

    Raises:
        PolicyError: if it cannot be: they are disabled, or an administrator.
        StoreReadOnly: if there is no store for it.
        StoreError: if the store or the audit log cannot be written.
    """
    store = context.runtime.stores.tokens
    if store is None or context.runtime.view_as is None:
        raise StoreReadOnly("there is no store to keep it in", "set AUTHZ_STORE")
    if not may_be_viewed(context, person):
        why = "is disabled" if person.disabled else "is an administrator"
        raise PolicyError.at(
            "view-as",
            f"`{person.id}` {why}, and the app is never shown as they see it",
            "ask the tester what they may",
        )
    return make_code(
        context,
        actor,
        store,
        tag=EventTag.VIEW_AS_BEGUN,
        about=person.subject_name,
        name=name_for(person, secrets.token_hex(4)),
        role=_ROLE,
        lasts=timedelta(minutes=MINUTES),
    )


def end_view(
    context: AdminContext, actor: Actor, view: ViewAs, value: str, about: str
) -> None:
    """End what *value*, a browser's, stands for; it was to look as *about*.

    Raises:
        InvalidCredentials: if it stands for nothing any more.
        StoreError: if the store or the audit log cannot be written.
    """
    kept = view.kept(value)
    store = context.runtime.stores.tokens
    assert store is not None  # noqa: S101 - it was found in it

    def before_commit(_before: ApiToken | None, _after: ApiToken) -> None:
        context.record(EventTag.VIEW_AS_ENDED, actor, about=about)

    store.revoke(kept.id, context.runtime.clock(), before_commit=before_commit)
    context.runtime.refresh()


def end_overdue(context: AdminContext) -> None:
    """Write down that views are over whose time is; of all processes one does.

    It reads nothing unless there is one.

    Raises:
        StoreError: if the store or the audit log cannot be written.
    """
    tokens, store = context.runtime.identity.tokens, context.runtime.stores.tokens
    if tokens is None or store is None:
        return
    for kept in tokens.over(VIEW_AS):

        def before_commit(
            _before: ApiToken | None, _after: ApiToken, kept: ApiToken = kept
        ) -> None:
            context.runtime.record(
                EventTag.VIEW_AS_ENDED,
                subject=kept.author,
                about=f"user:{person_in(kept)}",
                detail={"why": "its time was up"},
            )

        store.revoke(kept.id, context.runtime.clock(), before_commit=before_commit)
