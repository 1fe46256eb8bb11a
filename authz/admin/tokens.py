"""API tokens: made, listed and revoked."""

from collections.abc import Sequence
from datetime import datetime

from authz.admin.context import Actor, AdminContext
from authz.audit import EventTag
from authz.decision import AccessRequest, Subject, whole_of
from authz.errors import (
    InvalidValue,
    LockedOut,
    NotFound,
    PolicyError,
    StoreReadOnly,
)
from authz.identity.token_owners import TokenOwners
from authz.identity.tokens import (
    NO_TOKENS,
    RESERVED,
    ApiToken,
    ApiTokens,
    check_token_role,
    new_token,
)


def list_tokens(
    context: AdminContext, *, revoked: bool = False
) -> tuple[ApiToken, ...]:
    """Return the API tokens, those of settings first; *revoked* ones too if wanted.

    What break-glass opened is among them, so that it can be ended like one.
    """
    return tuple(
        token
        for token in kept_tokens(context, revoked=revoked)
        if not token.name.startswith(NO_TOKENS)
    )


def kept_tokens(
    context: AdminContext, *, revoked: bool = False
) -> tuple[ApiToken, ...]:
    """Return all that is kept as API tokens are, links and views among them."""
    tokens = context.runtime.identity.tokens
    if tokens is None:
        return ()
    kept = (t for t in tokens.store.all() if revoked or t.revoked is None)
    return (*tokens.fixed, *kept)


def make_token(  # noqa: PLR0913 - what one has
    context: AdminContext,
    actor: Actor,
    *,
    name: str,
    role: str,
    scopes: Sequence[str] = (),
    expires: datetime | None = None,
) -> tuple[str, ApiToken]:
    """Make an API token; return the token itself, to show once, and its record.

    Nobody makes a token that may more than they: it has a role of theirs, unless they
    may change the policy anyway, no rule forbids them what it would not forbid the
    token, and its name is one that the policy does not speak of. Nor is it called as an
    own token of somebody else is.

    Raises:
        PolicyError: if the name, the role or the time cannot be one.
        AlreadyThere: if a token that is not revoked has the name.
        StoreReadOnly: if there is no store to keep tokens in.
        StoreError: if the store or the audit log cannot be written.
    """
    if name.startswith(RESERVED):
        raise PolicyError.at(
            "token", f"`{name[:80]}` is kept for authz itself", "choose another"
        )
    owner, slash, _ = name.partition("/")
    if slash and actor.name != f"user:{owner}" and context.people.find(owner):
        raise PolicyError.at(
            "token",
            f"`{owner}` is a person, and the token would look like one of theirs",
            "rename",
        )
    now = context.runtime.clock()
    if expires is not None and expires <= now:
        raise PolicyError.at("expires", "it is in the past", "choose a later time")
    try:
        check_token_role(role)
    except InvalidValue as error:
        raise PolicyError([error.problem.at("role")]) from error
    try:
        secret, token = new_token(
            name,
            role=role,
            scopes=tuple(dict.fromkeys(scopes)),
            author=actor.name,
            now=now,
            expires=expires,
        )
    except InvalidValue as error:
        raise PolicyError([error.problem.at("token")]) from error
    _refuse_idle_scopes(context, token)
    if not _may_change(context, actor):
        if role not in context.policy.held_by(actor.subject):
            raise PolicyError.at(
                "role", f"you do not hold `{role}`", "choose a role of yours"
            )
        refuse_wider(context, actor.subject, token)
        if _is_spoken_of(context, token.subject_name):
            raise PolicyError.at(
                "token",
                f"the policy already names `{token.subject_name}`, and the new token "
                "would have that at once",
                "choose another name",
            )

    def before_commit(_: ApiToken | None, after: ApiToken) -> None:
        context.record(
            EventTag.TOKEN_ADDED,
            actor,
            about=after.subject_name,
            after=_lines(after),
        )

    _tokens(context).store.add(token, before_commit=before_commit)
    context.runtime.refresh()
    return secret, token


def revoke_token(context: AdminContext, actor: Actor, id: str) -> ApiToken:  # noqa: A002
    """Revoke the token *id*; return it as it is kept. Doing it twice is fine.

    Raises:
        LockedOut: if it is the token by which *actor* came.
        NotFound: if there is no such token.
        StoreReadOnly: if settings hold it.
        StoreError: if the store or the audit log cannot be written.
    """
    known = {t.id: t for t in kept_tokens(context, revoked=True)}
    token = known.get(id)
    if token is None:
        raise NotFound(f"there is no token `{id[:80]}`")
    if token.fixed:
        raise StoreReadOnly("the token comes from a setting", "change it there")
    if actor.name == token.subject_name:
        raise LockedOut("this is the token you came by", "make another one first")

    def before_commit(before: ApiToken | None, after: ApiToken) -> None:
        context.record(
            EventTag.TOKEN_REVOKED,
            actor,
            about=after.subject_name,
            before=_lines(before) if before else (),
        )

    ended = _tokens(context).store.revoke(
        id, context.runtime.clock(), before_commit=before_commit
    )
    context.runtime.refresh()
    return ended


def _tokens(context: AdminContext) -> ApiTokens:
    tokens = context.runtime.identity.tokens
    if tokens is None:
        raise StoreReadOnly(
            "there is no store to keep tokens in", "set AUTHZ_STORE, or AUTHZ_API_TOKEN"
        )
    return tokens


def _may_change(context: AdminContext, actor: Actor) -> bool:
    if actor.on_the_host:
        return True
    path = f"{context.settings.url_prefix}/api/v1/changes"
    asked = AccessRequest(
        subject=actor.subject,
        path=path,
        method="POST",
        scope=whole_of(context.policy, context.settings.own_scope),
    )
    return bool(context.policy.decide(asked))


def refuse_wider(context: AdminContext, owner: Subject, token: ApiToken) -> None:
    """Raise `PolicyError` if *token* might do what a rule forbids its *owner*."""
    owners = TokenOwners(context.runtime.accounts, context.runtime.live)
    if owners.subject_for(owner, token) is None:
        raise PolicyError.at(
            "role",
            "you do not hold the role in these scopes, or a rule forbids you something "
            "by name, which this token would not be forbidden",
            "ask an administrator for a token",
        )


def _refuse_idle_scopes(context: AdminContext, token: ApiToken) -> None:
    """Raise `PolicyError` if the policy could not hold *token* to its scopes."""
    written = context.policy.written
    if token.scopes and (written is None or not written.scoped):
        raise PolicyError.at(
            "scopes",
            "the policy has no scopes, so nothing would be left of the token",
            "leave them out, or turn the policy into one with scopes",
        )


def _is_spoken_of(context: AdminContext, name: str) -> bool:
    """Return whether the policy gives something to *name*, or settings do."""
    fixed = (grant.member for grant in context.settings.grants)
    entries = context.records.snapshot().entries
    return name in fixed or any(
        entry.row.fields[:1] == (name,) and not entry.disabled for entry in entries
    )


def _lines(token: ApiToken) -> tuple[str, ...]:
    """Return what a record tells of *token*; neither it nor its digest."""
    until = token.expires.isoformat() if token.expires else "revoked"
    within = (f"scopes: {', '.join(token.scopes)}",) if token.scopes else ()
    return (f"id: {token.id}", f"role: {token.role}", *within, f"until: {until}")
