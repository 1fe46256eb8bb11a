"""Rules that open more than was likely meant."""

from collections.abc import Iterator, Sequence
from typing import Final

from authz.decision import ANONYMOUS, SAFE_METHODS, Effect, Policy, Rule
from authz.policy.lint.findings import Code, Finding
from authz.policy.patterns import Methods, PathPattern, pattern_of
from authz.policy.rules import ADMIN

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
    strangers = policy.reached_from(ANONYMOUS.names)
    admins = [r for r in policy.rules if r.subject == ADMIN and _allows(r)]
    areas = [
        r for r in admins if pattern_of(r).tail and not pattern_of(r).is_everything
    ]
    for rule in policy.rules:
        if not _allows(rule) or ADMIN in policy.reached_from([rule.subject]):
            continue
        yield from _admin_area(rule, areas, prefix)
        if pattern_of(rule).is_everything:
            yield Finding.on(
                rule,
                Code.PATH_TOO_WIDE,
                f"`{rule.subject}` gets every path, including those added later",
                "name the paths, or what they begin with",
            )
        looks = bool(rule.methods) and rule.methods <= SAFE_METHODS
        if rule.subject in strangers and not looks:
            yield Finding.on(
                rule,
                Code.UNSAFE_FOR_EVERYONE,
                "people who have not signed in may do more than look: "
                f"{rule.method_field} {rule.path}",
                "open GET only, or give it to a role",
            )


def _admin_area(rule: Rule, areas: Sequence[Rule], prefix: str) -> Iterator[Finding]:
    if enters(pattern_of(rule), prefix):
        yield Finding.on(
            rule,
            Code.ADMIN_AREA_OPENED,
            f"`{rule.subject}` gets into the administration below {prefix}/",
            f"give it to `{ADMIN}`, or make the path narrower",
        )
        return
    for area in areas:
        if (
            rule.path != area.path
            and pattern_of(area).covers(pattern_of(rule))
            and Methods(area.methods).overlap(Methods(rule.methods))
        ):
            yield Finding.on(
                rule,
                Code.ROUTES_OF_DIFFERENT_CLASS,
                f"`{rule.subject}` gets a part of what line {area.origin.line} "
                f"means for `{ADMIN}`: {area.path}",
                "move it out of that area, or allow it here if it is intended",
            )
            return


def enters(path: PathPattern, prefix: str) -> bool:
    """Whether *path* leads to pages of authz that are not meant for everybody."""
    common = path.overlap(PathPattern.of(f"{prefix}/*"))
    if common is None:
        return False
    first = str(common).removeprefix(f"{prefix}/").partition("/")[0]
    return first not in FOR_EVERYBODY


def _allows(rule: Rule) -> bool:
    return rule.effect is Effect.ALLOW
