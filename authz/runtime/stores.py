"""The stores that settings name, and what must not be in them."""

from collections.abc import Iterable
from functools import partial

from authz.decision import Origin
from authz.errors import SettingsError
from authz.identity.accounts import new_account
from authz.identity.people import LOCAL, Person
from authz.identity.tokens import RESERVED
from authz.policy.recent_rows import RecentRows
from authz.policy.records import Entry
from authz.runtime.policies import model_of, policy_of, takes_scopes
from authz.settings import Settings
from authz.stores.factory import Stores, open_stores


def open_all(settings: Settings, recent: RecentRows | None = None) -> Stores:
    """Open the stores that the settings name.

    Lines of a policy file that are among the *recent* ones are not read again.

    Raises:
        SettingsError: if the account of a setting cannot be used.
        PolicyError: if the model, or the first policy of a database, cannot be used.
        StoreError: if a store cannot be opened.
    """
    return open_stores(
        settings,
        model=model_of(settings),
        fixed=[
            Person(
                id=account.name,
                display_name=account.name,
                source=LOCAL,
                password_hash=new_account(
                    account.name, account.password, where=account.origin.source
                ).password_hash,
                fixed=True,
            )
            for account in settings.accounts
        ],
        check=partial(_refuse_unusable, settings),
        recent=recent,
    )


def refuse_open(switch: Origin, stores: Stores) -> None:
    """Raise `SettingsError` if a store has somebody, or a program, that signs in."""
    beside = []
    if any(p.source == LOCAL and p.password_hash for p in stores.people.everyone()):
        beside.append("people who have passwords")
    tokens = stores.tokens.all() if stores.tokens is not None else ()
    if any(t.revoked is None and not t.name.startswith(RESERVED) for t in tokens):
        beside.append("API tokens")
    if beside:
        raise SettingsError.at(
            switch.source,
            "it makes everybody an administrator, but the store has "
            + " and ".join(beside),
            "remove the switch, so that people must sign in",
        )


def _refuse_unusable(
    settings: Settings, _before: Iterable[Entry], entries: Iterable[Entry]
) -> None:
    policy_of(settings, entries)


def refuse_idle_groups(settings: Settings) -> None:
    """Raise `SettingsError` if groups give roles in scopes, and there are none."""
    if settings.proxy.scoped_groups and not takes_scopes(settings):
        raise SettingsError.at(
            "AUTHZ_SCOPED_GROUPS",
            "the policy has no scopes, so it would give nothing",
            "turn the policy into one with scopes (`authz scope add`), or remove it",
        )
