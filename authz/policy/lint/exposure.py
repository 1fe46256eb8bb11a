"""Rules that open more than was likely meant."""

from collections.abc import Iterator, Sequence
from typing import Final

from authz.decision import ANONYMOUS, Effect, Rule
from authz.policy.csv_rows import spell_rule
from authz.policy.exposure import SAFE
from authz.policy.lint.findings import Code, Finding
from authz.policy.regions import covers_path, overlap, shares_methods
from authz.policy.rules import ADMIN, Policy, closure, grants_by_member

#: Pages of authz itself that are meant for everybody, below its prefix.
FOR_EVERYBODY: Final = frozenset(
    {
        "account",
        "break-glass",
        "healthz",
        "readyz",
        "sign-in",
        "sign-out",
        "static",
        "theme",
    }
)


def exposure_findings(policy: Policy, *, prefix: str) -> Iterator[Finding]:
    """Yield the rules of *policy* that open much, or to many.

    *prefix* is where the pages of authz are.
    """
    by_member = grants_by_member(policy.grants)
    strangers = closure(ANONYMOUS.names, by_member)
    admins = [r for r in policy.rules if r.subject == ADMIN and _allows(r)]
    areas = [r for r in admins if r.path.endswith("/*") and not _is_everything(r.path)]
    for rule in policy.rules:
        if not _allows(rule) or ADMIN in closure([rule.subject], by_member):
            continue
        yield from _admin_area(rule, areas, prefix)
        if _is_everything(rule.path):
            yield _finding(
                Code.PATH_TOO_WIDE,
                rule,
                f"`{rule.subject}` gets every path, what is added later included",
                "name the paths, or what they begin with",
            )
        if rule.subject in strangers and not (rule.methods and rule.methods <= SAFE):
            yield _finding(
                Code.UNSAFE_FOR_EVERYONE,
                rule,
                "people who have not signed in may do more than look: "
                f"{rule.method_field} {rule.path}",
                "open GET only, or give it to a role",
            )


def _admin_area(rule: Rule, areas: Sequence[Rule], prefix: str) -> Iterator[Finding]:
    if _enters(rule.path, prefix):
        yield _finding(
            Code.ADMIN_AREA_OPENED,
            rule,
            f"`{rule.subject}` gets into the administration below {prefix}/",
            f"give it to `{ADMIN}`, or make the path narrower",
        )
        return
    for area in areas:
        if (
            rule.path != area.path
            and covers_path(area.path, rule.path)
            and shares_methods(area.methods, rule.methods)
        ):
            yield _finding(
                Code.ROUTES_OF_DIFFERENT_CLASS,
                rule,
                f"`{rule.subject}` gets a part of what line {area.origin.line} "
                f"means for `{ADMIN}`: {area.path}",
                "move it out of that area, or allow it here if it is meant",
            )
            return


def _enters(path: str, prefix: str) -> bool:
    """Whether *path* leads to pages of authz that are not meant for everybody."""
    common = overlap(path, f"{prefix}/*")
    if common is None:
        return False
    first = common.removeprefix(f"{prefix}/").partition("/")[0]
    return first not in FOR_EVERYBODY


def _is_everything(path: str) -> bool:
    *segments, last = path.split("/")[1:]
    return last == "*" and all(segment.startswith(":") for segment in segments)


def _allows(rule: Rule) -> bool:
    return rule.effect is Effect.ALLOW


def _finding(code: Code, rule: Rule, message: str, hint: str) -> Finding:
    return Finding(
        code=code, where=rule.origin, message=message, hint=hint, text=spell_rule(rule)
    )
