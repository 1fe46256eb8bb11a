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
from authz.errors import PolicyError, StoreError
from authz.policy.build import BuiltPolicy
from authz.runtime import load_policy
from authz.settings import Settings
from authz.stores.policy_text import policy_source, stored_text

_CHECK = "policy"


def read(
    settings: Settings, installation: Installation
) -> tuple[PolicyInForce | None, tuple[Finding, ...]]:
    """Return the policy, None if it cannot be used, and what there is to say of it."""
    try:
        built = load_policy(settings, stored_text(settings))
    except (PolicyError, StoreError) as error:
        return None, from_error(_CHECK, error)
    return built.policy, tuple(_about(built, settings, installation))


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


def _size(policy: PolicyInForce) -> str:
    return "" if policy.source is None else f"{len(policy.source.rules)} rules, "
