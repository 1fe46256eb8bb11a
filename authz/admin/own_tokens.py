"""People's own API tokens: made and revoked by themselves.

They hold only while their owner may what they may; see `authz.identity.token_owners`.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from authz.admin.context import Actor, AdminContext
from authz.admin.roles import GIVEN
from authz.admin.tokens import list_tokens, make_token, refuse_wider, revoke_token
from authz.errors import AlreadyThere, NotFound, PolicyError
from authz.identity.accounts import Account
from authz.identity.tokens import ApiToken
from authz.scope import pattern_problem
from authz.settings import ACCOUNT_NAME

MAX_DAYS: Final = 366
#: More own tokens than this nobody keeps in mind; nor does anybody make more in a day.
MAX_OWN: Final = 20


def may_have_own(context: AdminContext, actor: Actor) -> bool:
    """Return whether *actor* may have own tokens: they sign in here, with a store."""
    return context.stores_tokens and _account(context, actor) is not None


def own_tokens(context: AdminContext, actor: Actor) -> tuple[ApiToken, ...]:
    """Return the own tokens of *actor* that are not revoked. Raises `StoreError`."""
    account = _account(context, actor)
    if account is None or not context.stores_tokens:
        return ()
    return tuple(t for t in list_tokens(context) if t.owner == account.name)


def own_roles(context: AdminContext, actor: Actor) -> tuple[str, ...]:
    """Return the roles that an own token of *actor* can have."""
    held = context.policy.held_by(actor.subject)
    roles = {name for name in held if name.startswith("role:")}
    return tuple(sorted(roles - GIVEN))


def make_own_token(  # noqa: PLR0913 - what one has
    context: AdminContext,
    actor: Actor,
    *,
    label: str,
    role: str,
    scopes: Sequence[str] = (),
    days: int,
) -> tuple[str, ApiToken]:
    """Make an own token of *actor*; return the token, to show once, and its record.

    It is called after its owner, so that it can be taken for nobody else's: the token
    `phone` of alice is `token:alice/phone`.

    Raises:
        PolicyError: if the label, the role or the days cannot be, or a rule forbids
            the owner something that it would not forbid the token.
        AlreadyThere: if there is one of that name.
        NotFound: if *actor* cannot have own tokens.
        StoreError: if the store or the audit log cannot be written.
    """
    account = _account(context, actor)
    if account is None or not context.stores_tokens:
        raise NotFound("only people who sign in here can have tokens of their own")
    if not ACCOUNT_NAME.fullmatch(label):
        raise PolicyError.at(
            "label",
            "this name cannot be used",
            "use 1 to 64 letters, digits and `.`, `_`, `@`, `+`, `-`",
        )
    if not 1 <= days <= MAX_DAYS:
        raise PolicyError.at(
            "days", "it cannot be valid for so long", f"use 1 to {MAX_DAYS} days"
        )
    if role not in own_roles(context, actor):
        raise PolicyError.at(
            "role", "that is not one of your roles", "choose one of them"
        )
    every = [t for t in list_tokens(context, revoked=True) if t.owner == account.name]
    mine = [token for token in every if token.revoked is None]
    if len(mine) >= MAX_OWN:
        raise PolicyError.at(
            "label", f"you have {len(mine)} tokens", "revoke one first"
        )
    now = context.runtime.clock()
    # What is revoked is kept, and must not fill the store.
    lately = [
        token
        for token in every
        if token.created is not None and now - token.created < timedelta(days=1)
    ]
    if len(lately) >= MAX_OWN:
        raise PolicyError.at(
            "label", f"you made {len(lately)} tokens within a day", "wait"
        )
    name = f"{account.name}/{label}"
    if any(token.name == name for token in mine):
        raise AlreadyThere(f"you have a token `{label}` already", "choose another name")
    limits = tuple(scopes)
    for problem in filter(None, map(pattern_problem, limits)):
        raise PolicyError([problem.at("scopes")])
    wanted = ApiToken(
        id="", name=name, role=role, scopes=limits, digest=b"", author=actor.name
    )
    refuse_wider(context, account.subject, wanted)
    return make_token(
        context,
        actor,
        name=name,
        role=role,
        scopes=limits,
        expires=now + timedelta(days=days),
    )


def revoke_own_token(context: AdminContext, actor: Actor, id: str) -> ApiToken:  # noqa: A002
    """Revoke the own token *id* of *actor*.

    Raises:
        NotFound: if they have no such token; somebody else's is none.
        StoreError: if the store or the audit log cannot be written.
    """
    if all(token.id != id for token in own_tokens(context, actor)):
        raise NotFound(f"you have no token `{id[:80]}`")
    return revoke_token(context, actor, id)


def revoke_tokens_of(context: AdminContext, actor: Actor, id: str) -> None:  # noqa: A002
    """Revoke every own token of the person *id*, who comes or goes.

    Raises:
        StoreError: if the store or the audit log cannot be written.
    """
    if context.stores_tokens:
        for token in list_tokens(context):
            if token.owner == id:
                revoke_token(context, actor, token.id)


def _account(context: AdminContext, actor: Actor) -> Account | None:
    """Return the account by which *actor* signed in here, if they did."""
    kind, _, id_ = actor.name.partition(":")
    account = context.runtime.accounts.by_name.get(id_) if kind == "user" else None
    # Whoever came another way may bear the name and not the rights.
    if account is None or actor.subject != account.subject:
        return None
    return account
