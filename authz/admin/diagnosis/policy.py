"""Can the policy be put in force, and is it?"""

from collections.abc import Iterator

from authz.admin.diagnosis.finding import (
    Finding,
    Status,
    fail,
    from_error,
    from_problems,
    ok,
)
from authz.admin.diagnosis.installation import Installation
from authz.decision import PolicyInForce
from authz.errors import PolicyError, StoreError
from authz.runtime import load_policy
from authz.settings import Settings
from authz.stores.opening import stored_text

_CHECK = "policy"


def check(settings: Settings, installation: Installation) -> Iterator[Finding]:
    """Yield what is to be said of the policy that *settings* name."""
    try:
        built = load_policy(settings, stored_text(settings))
    except (PolicyError, StoreError) as error:
        yield from from_error(_CHECK, error)
        return
    policy = built.policy
    yield ok(_CHECK, f"{settings.policy}, {_size(policy)}revision {policy.revision}")
    yield from from_problems(_CHECK, built.warnings, Status.WARN)
    runtime = installation.runtime
    if runtime is not None and runtime.live.problem:
        yield fail(
            _CHECK,
            f"the app keeps to revision {runtime.policy.revision}: "
            f"{runtime.live.problem}",
        )


def _size(policy: PolicyInForce) -> str:
    rules = getattr(getattr(policy, "policy", None), "rules", None)
    return "" if rules is None else f"{len(rules)} rules, "
