"""What is to be done once a backup was restored: nothing that came back goes unseen."""

from collections.abc import Sequence
from dataclasses import dataclass

from authz.admin.context import Actor, AdminContext
from authz.admin.tokens import kept_tokens, revoke_token
from authz.audit import EventTag
from authz.errors import StoreReadOnly
from authz.identity.tokens import ApiToken
from authz.stores.restores import Restored


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterRestore:
    """What a restored backup brought back, and what was done about it."""

    #: What running processes noticed; None if none ran meanwhile, or nothing came back.
    restored: Restored | None
    #: How many sessions were ended.
    sessions: int
    #: The tokens that hold.
    tokens: Sequence[ApiToken]
    #: Those of them that were revoked now.
    revoked: Sequence[ApiToken]


def after_restore(
    context: AdminContext, actor: Actor, *, revoke: bool = False
) -> AfterRestore:
    """End all sessions, begin a new incarnation of the store; return what came back.

    Every process reads everything anew. With *revoke* the tokens are revoked that had
    been revoked before; all tokens if no process noticed which those are.

    Raises:
        StoreReadOnly: if there is no database.
        StoreError: if the database or the audit log cannot be written.
    """
    database = context.runtime.stores.database
    if database is None:
        raise StoreReadOnly("there is no database: AUTHZ_STORE is not set")

    def before_commit(sessions: int, restored: Restored | None) -> None:
        context.record(
            EventTag.STORE_TAKEN_UP,
            actor,
            about="store",
            detail={
                "sessions_ended": str(sessions),
                **(restored.as_detail() if restored else {}),
            },
        )

    sessions, restored = database.take_up(before_commit=before_commit)
    context.runtime.refresh()
    tokens = [token for token in kept_tokens(context) if not token.fixed]
    back = None if restored is None else set(restored.tokens)
    wanted = [t for t in tokens if back is None or t.name in back] if revoke else []
    return AfterRestore(
        restored=restored,
        sessions=sessions,
        tokens=tokens,
        revoked=[revoke_token(context, actor, token.id) for token in wanted],
    )
