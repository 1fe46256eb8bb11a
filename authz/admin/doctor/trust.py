"""Who gets in, and by whose word: too many, or nobody at all."""

from collections.abc import Iterator
from typing import Final

from authz.admin.doctor.finding import Finding, ok, warn
from authz.decision import ANONYMOUS, PolicyInForce
from authz.identity.named_groups import unreachable_groups
from authz.policy.exposure import unsafe_exposure
from authz.settings import Settings

#: Networks with more addresses than these hold more than a proxy, mostly.
_NARROW: Final = {4: 24, 6: 64}


def check(settings: Settings, policy: PolicyInForce | None) -> Iterator[Finding]:
    """Yield what is to be said of who is believed, and about what."""
    yield from _proxies(settings)
    yield from _doors(settings)
    if policy is not None:
        yield from _groups(settings, policy)
        yield from _strangers(settings, policy)


def _proxies(settings: Settings) -> Iterator[Finding]:
    headers = settings.proxy.headers
    if headers is None:
        return
    check = "trusted proxies"
    wide = [n for n in headers.proxies.networks if n.prefixlen < _NARROW[n.version]]
    for network in wide:
        yield warn(
            check,
            f"{network} is wide: everything in it that reaches the app can be anybody",
            "name the address of the proxy alone; the log names who connects",
        )
    if not wide:
        yield ok(check, f"plain headers are believed from {headers.proxies}")
    if settings.proxy.issuers:
        yield warn(
            check,
            "plain headers are believed without a token, although the proxy signs one",
            "remove AUTHZ_TRUSTED_PROXIES, so that only the token counts",
        )


def _doors(settings: Settings) -> Iterator[Finding]:
    check = "ways in"
    if settings.access.open_by is not None:
        yield warn(
            check,
            f"{settings.access.open_by}: there is no sign-in, and everybody who "
            "reaches the app is an administrator",
            "remove it; set AUTHZ_ADMIN and AUTHZ_ADMIN_PASSWORD, or a sign-in proxy",
        )
        return
    doors = []
    with_password = sum(bool(account.password) for account in settings.accounts)
    if with_password:
        doors.append(f"{with_password} local account{'s' * (with_password > 1)}")
    if settings.proxy:
        doors.append(f"people from {settings.proxy.name}")
    if settings.access.api_token:
        doors.append("an API token of the environment")
    if settings.anonymous_role:
        doors.append(f"strangers, with `{settings.anonymous_role}`")
    if doors:
        yield ok(check, ", ".join(doors))
    else:
        yield warn(
            check,
            "nobody can sign in: there is no account with a password and no proxy",
            "set AUTHZ_ADMIN and AUTHZ_ADMIN_PASSWORD, or AUTHZ_PROXY_PRESET",
        )


def _groups(settings: Settings, policy: PolicyInForce) -> Iterator[Finding]:
    """Warn if nobody whom the proxy vouches for could hold a role, or some cannot."""
    if not settings.proxy:
        return
    for problem in unreachable_groups(policy, settings.proxy.group_separators):
        yield warn("groups", f"{problem.where}: {problem.message}", problem.hint)
    for pattern in settings.proxy.scoped_groups:
        yield ok(
            "groups",
            f"`{pattern}` gives `{pattern.role}` in the {pattern.kind} that it names",
        )
    if policy.written is None or settings.proxy.scoped_groups:
        return
    everywhere = ", *" if policy.written.scoped else ""
    known = ("group:", "user:" + settings.proxy.name + "/", "auth:", "role:auth")
    if not any(grant.member.startswith(known) for grant in policy.written.grants):
        yield warn(
            "groups",
            f"no group and nobody from {settings.proxy.name} has a role, so all of "
            "them are refused",
            "set AUTHZ_ADMIN_GROUPS and AUTHZ_USER_GROUPS, "
            f"or add `g, group:<name>, role:user{everywhere}` to the policy",
        )


def _strangers(settings: Settings, policy: PolicyInForce) -> Iterator[Finding]:
    if settings.anonymous_role is None:
        return
    for rule in unsafe_exposure(policy, ANONYMOUS):
        yield warn(
            "strangers",
            f"people who have not signed in may {rule.method_field} {rule.path} "
            f"({rule.origin})",
            f"give `{settings.anonymous_role}` methods that change nothing (GET)",
        )
