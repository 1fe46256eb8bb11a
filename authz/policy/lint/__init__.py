"""What is odd about a policy: `authz lint`. Pure; every finding has a place and a mend.

A policy that passes is not right by that, but what is found here is seldom meant. What
is meant, a comment above the line allows: `# lint: allow unsafe-for-everyone`.
"""

from collections.abc import Iterable, Iterator, Sequence

from authz.decision import PLAIN_COLUMNS, Grant, Origin, Policy
from authz.errors import PolicyError
from authz.policy.csv_rows import read_rows
from authz.policy.lint.chains import chain_findings
from authz.policy.lint.exposure import exposure_findings
from authz.policy.lint.findings import MEANINGS as MEANINGS
from authz.policy.lint.findings import Code as Code
from authz.policy.lint.findings import Finding as Finding
from authz.policy.lint.findings import Severity as Severity
from authz.policy.lint.findings import from_problem, without_allowed
from authz.policy.lint.findings import severity_of as severity_of
from authz.policy.lint.names import name_findings
from authz.policy.lint.overlaps import overlap_findings
from authz.policy.lint.scopes import Declared, scope_findings
from authz.policy.lint.way_in import way_in_findings
from authz.policy.route_tables import RoutePattern
from authz.policy.rules import ADMIN, policy_from_rows


def lint(  # noqa: PLR0913 - what is known of a policy
    data: bytes,
    *,
    source: str = "policy.csv",
    grants: Iterable[Grant] = (),
    routes: Sequence[RoutePattern] = (),
    prefix: str = "/authz",
    columns: Sequence[str] = PLAIN_COLUMNS,
    declared: Declared | None = None,
    scopes: Iterable[str] = (),
) -> tuple[Finding, ...]:
    """Return what is odd about the policy file *data*, line by line.

    Args:
        data: The file.
        source: What its lines are called.
        grants: What settings add.
        routes: The routes of the app; empty if they are not known.
        prefix: Where the pages of authz are.
        columns: Those of a rule but for its effect, as the model has them.
        declared: The kinds of scopes that requests to *routes* are about; None if that
            is not known.
        scopes: The scopes that the app names; empty if it does not say.
    """
    try:
        rows = read_rows(data, source=source)
        policy = policy_from_rows(
            rows.rows, grants=grants, source=source, partial=True, columns=columns
        )
    except PolicyError as error:
        return tuple(from_problem(p, Code.POLICY_INVALID) for p in error.problems)
    findings = [
        from_problem(warning, Code(warning.code or Code.SPELLING))
        for warning in (*rows.warnings, *policy.warnings)
    ]
    findings += _no_administrator(policy, source)
    findings += overlap_findings(policy)
    if policy.scoped:
        findings += scope_findings(
            policy, routes=routes, declared=declared, known=scopes
        )
    findings += name_findings(policy)
    findings += chain_findings(policy)
    findings += exposure_findings(policy, prefix=prefix)
    findings += way_in_findings(policy, prefix=prefix)
    if routes:
        from authz.policy.lint.routed import route_findings

        findings += route_findings(policy, routes)
    text = data.decode().removeprefix("\ufeff")
    return tuple(
        sorted(
            without_allowed(findings, text, source),
            key=lambda finding: (finding.where.line, finding.severity.rank),
        )
    )


def _no_administrator(policy: Policy, source: str) -> Iterator[Finding]:
    ruled = any(rule.subject == ADMIN for rule in policy.rules)
    if ruled and all(grant.role != ADMIN for grant in policy.grants):
        yield Finding(
            code=Code.NO_ADMINISTRATOR,
            where=Origin(source),
            message=f"nobody in this file holds `{ADMIN}`",
            hint=f"set AUTHZ_ADMIN, or add a grant such as `g, group:admins, {ADMIN}`",
        )
