"""People's own sessions: looked at, and ended one by one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from authz.admin.context import Actor, AdminContext
from authz.audit import EventTag
from authz.errors import LockedOut, NotFound
from authz.identity.sessions import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """A session as its owner sees it."""

    #: What names it; nobody can sign in with it.
    id: str
    begun: datetime
    used: datetime
    #: Whether it is the one that asks.
    is_this: bool


def own_sessions(context: AdminContext, this: Session) -> tuple[SessionView, ...]:
    """Return the sessions of whoever has *this* one: it first, then the newest.

    Raises:
        StoreError: if nobody can say now.
    """
    sessions = context.runtime.sessions
    now, clock = context.runtime.clock(), sessions.store.now()

    def when(then: float) -> datetime:
        return now - timedelta(seconds=max(0.0, clock - then))

    views = [
        SessionView(
            id=session.public_id,
            begun=when(session.created),
            used=when(session.used),
            is_this=session.id == this.id,
        )
        for session in sessions.of(this.account.name)
    ]
    return tuple(sorted(views, key=lambda view: not view.is_this))


def end_own_session(
    context: AdminContext,
    actor: Actor,
    this: Session,
    id: str,  # noqa: A002
) -> None:
    """End the session *id* of whoever has *this* one.

    Raises:
        LockedOut: if it is this one: that is signing out.
        NotFound: if they have no such session; somebody else's is none.
        StoreError: if the store or the audit log cannot be written.
    """
    if id == this.public_id:
        raise LockedOut("this is the session you are in", "sign out instead")
    if not _end(context, actor, this, lambda session: session.public_id == id):
        raise NotFound("you have no such session", "it may have ended already")


def end_other_sessions(context: AdminContext, actor: Actor, this: Session) -> int:
    """End every session of whoever has *this* one, but this; return how many.

    Raises:
        StoreError: if the store or the audit log cannot be written.
    """
    return _end(context, actor, this, lambda session: session.id != this.id)


def _end(
    context: AdminContext,
    actor: Actor,
    this: Session,
    is_meant: Callable[[Session], bool],
) -> int:
    sessions = context.runtime.sessions
    meant = [s for s in sessions.of(this.account.name) if is_meant(s)]
    for session in meant:
        context.record(
            EventTag.SESSION_ENDED,
            actor,
            about=actor.name,
            detail={"session": session.public_id},
        )
        sessions.store.end(session)
    return len(meant)
