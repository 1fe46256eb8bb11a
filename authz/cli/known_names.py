"""Whom a name on the command line means, among the people of the app or the store."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from authz.cli.app import app_if_any
from authz.cli.sources import settings_here
from authz.decision import PolicyInForce
from authz.errors import InvalidValue

if TYPE_CHECKING:
    from authz.admin.known_names import Meant
    from authz.identity.people import Arrivals, PeopleStore


def whom_here(
    text: str,
    groups: Iterable[str],
    policy: PolicyInForce,
    *,
    param_hint: str = "SUBJECT",
) -> "Meant":
    """Return whom *text* means; what cannot be a name is a usage error.

    Raises:
        SettingsError, StoreError: if people cannot be read.
    """
    from authz.admin.known_names import whom

    with _people() as (people, here):
        try:
            return whom(
                text, groups, people=people, policy=policy.written, arrivals=here
            )
        except InvalidValue as error:
            raise click.BadParameter(str(error), param_hint=param_hint) from error


def disabled_here() -> frozenset[str]:
    """Return the names of people who are refused, whatever the policy says.

    Raises:
        SettingsError, StoreError: if people cannot be read.
    """
    with _people() as (people, _):
        return frozenset(p.subject_name for p in people.everyone() if p.disabled)


@contextmanager
def _people() -> "Iterator[tuple[PeopleStore, Arrivals]]":
    from authz.identity.people import LOCAL, Person
    from authz.settings.providers import arrivals
    from authz.stores.fixed_people import FixedPeople

    app = app_if_any()
    if app is not None:
        yield app.context.people, app.runtime.arrivals
        return
    settings = settings_here()
    here = arrivals(settings.proxy)
    fixed = [
        Person(id=each.name, display_name=each.name, source=LOCAL, fixed=True)
        for each in settings.accounts
    ]
    if settings.store.url is None:
        yield FixedPeople(fixed), here
        return
    from authz.stores.factory import open_database, refuse_new_database

    refuse_new_database(settings)
    store = open_database(settings.store.url, fixed=fixed)
    try:
        yield store.people, here
    finally:
        store.database.close()
