"""All checks, in the order in which somebody would mend what they find."""

from collections.abc import Iterator

from authz.admin.doctor import (
    clock,
    keys,
    packages,
    policy,
    server,
    settings,
    token,
    trust,
)
from authz.admin.doctor.finding import (
    Finding,
    from_error,
    from_problems,
    skip,
)
from authz.admin.doctor.installation import Installation


def diagnose(installation: Installation) -> Iterator[Finding]:
    """Yield what there is to say about *installation*; asks key sources as it goes."""
    seen: set[str] = set()
    for finding in _findings(installation):
        # What keeps the app from starting is found again by the check of it.
        if finding.message not in seen:
            seen.add(finding.message)
            yield finding


def _findings(installation: Installation) -> Iterator[Finding]:
    yield from packages.check()
    if installation.broken is not None:
        yield from from_error("app", installation.broken)
    read, findings = settings.read(installation)
    yield from findings
    if read is None:
        yield skip("policy", "not checked: the settings cannot be used")
        return
    in_force, findings = policy.read(read, installation)
    yield from findings
    yield from from_problems("scopes", installation.misfits)
    yield from trust.check(read, in_force)
    yield from server.check(read, installation.environ)
    asked = keys.Asked()
    yield from keys.check(read, asked)
    yield from clock.check(read, asked)
    if installation.token is not None:
        yield from token.check(read, installation.token)
