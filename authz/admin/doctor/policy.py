"""Can the policy be put in force, and is it?"""

from collections.abc import Iterator

from authz.admin.doctor.finding import (
    Finding,
    Status,
    fail,
    from_error,
    from_problems,
    ok,
)
from authz.admin.doctor.installation import Installation
from authz.decision import PolicyInForce
from authz.errors import PolicyError, SettingsError, StoreError
from authz.policy.build import BuiltPolicy
from authz.runtime import load_policy, open_all, refuse_open
from authz.settings import Settings
from authz.stores.places import policy_source
from authz.stores.policy_text import stored_text

_CHECK = "policy"


def read(
    settings: Settings, installation: Installation
) -> tuple[PolicyInForce | None, tuple[Finding, ...]]:
    """Return the policy, None if it cannot be used, and what there is to say of it."""
    try:
        built = load_policy(settings, stored_text(settings))
    except (PolicyError, StoreError) as error:
        return None, from_error(_CHECK, error)
    return built.policy, (
        *_about(built, settings, installation),
        *_people_beside_a_switch(settings),
    )


def _about(
    built: BuiltPolicy, settings: Settings, installation: Installation
) -> Iterator[Finding]:
    policy = built.policy
    where = policy_source(settings)
    yield ok(_CHECK, f"{where}, {_size(policy)}revision {policy.revision}")
    yield from from_problems(_CHECK, built.warnings, Status.WARN)
    runtime = installation.runtime
    if runtime is not None and runtime.live.problem:
        yield fail(
            _CHECK,
            f"the app keeps to revision {runtime.policy.revision}: "
            f"{runtime.live.problem}",
        )


def _people_beside_a_switch(settings: Settings) -> Iterator[Finding]:
    """Yield what keeps an app from being open to everybody, if settings say it is."""
    if settings.access.open_by is None or settings.store.url is None:
        return
    try:
        stores = open_all(settings)
    except (PolicyError, StoreError, SettingsError) as error:
        yield from from_error(_CHECK, error)
        return
    try:
        refuse_open(settings.access.open_by, stores)
    except SettingsError as error:
        yield from from_error("ways in", error)
    finally:
        if stores.database is not None:
            stores.database.database.close()


def _size(policy: PolicyInForce) -> str:
    return "" if policy.written is None else f"{len(policy.written.rules)} rules, "
