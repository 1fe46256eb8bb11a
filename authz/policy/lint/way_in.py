"""Denies that close authz's own addresses to those who need them."""

from collections.abc import Iterable, Iterator
from typing import Final

from authz.decision import ANONYMOUS, AUTHENTICATED, EVERYONE, Effect, Policy, Rule
from authz.policy.lint.findings import Code, Finding
from authz.policy.own_paths import API, ASSETS, HEALTH, PAGES, WAY_IN
from authz.policy.patterns import speaks_of
from authz.policy.rules import ADMIN

#: Everybody who administers has these names.
_ADMINS: Final = (EVERYONE, AUTHENTICATED, ADMIN)


def way_in_findings(policy: Policy, *, prefix: str) -> Iterator[Finding]:
    """Yield the rules of *policy* that close authz's addresses below *prefix*."""
    strangers = policy.reached_from(ANONYMOUS.names)
    admins = policy.reached_from(_ADMINS)
    for rule in policy.rules:
        if rule.effect is Effect.ALLOW:
            continue

        who, code, found = "", Code.WAY_IN_DENIED, list[str]()
        pages, api = _denied(rule, prefix, PAGES), _denied(rule, prefix, API)
        if rule.subject in strangers:
            who, found = "people who have not signed in", _denied(rule, prefix, WAY_IN)
        if not found and rule.subject in admins:
            who, found = "administrators", pages if pages and api else []
        if not found and rule.subject in admins:
            # Those that are left let them mend it, but they will look for these.
            who, code, found = "administrators", Code.OWN_ADDRESS_DENIED, pages or api
        if not found and rule.subject in strangers:
            who, code = "browsers and watchers", Code.OWN_ADDRESS_DENIED
            found = _denied(rule, prefix, (*ASSETS, *HEALTH))
        if found:
            yield Finding.on(
                rule,
                code,
                f"{who} are denied {found[0]}"
                + (f" and {len(found) - 1} more" if len(found) > 1 else ""),
                f"leave out what is below {prefix}/",
            )


def _denied(rule: Rule, prefix: str, addresses: Iterable[tuple[str, str]]) -> list[str]:
    """Return those of authz's own *addresses* that *rule* speaks of."""
    return [
        f"{method} {prefix}{path}"
        for method, path in addresses
        if speaks_of(rule, method, prefix + path)
    ]
