"""What whoever signed in may do with their own account, whatever the policy says.

The sign-in page is everybody's because authz says so; the pages on which people look
after their own account are theirs in the same way. These rules are added to each
policy, so pages, `can()`, explanations and commands all know them. A rule that denies
still wins.
"""

from typing import Final

from authz.decision import AUTHENTICATED, Effect, Origin, Rule

#: Where these rules come from, as explanations name it.
BUILT_IN: Final = Origin("built in")


def own_account_rules(url_prefix: str) -> tuple[Rule, ...]:
    """Return the rules for the pages below *url_prefix* that are everybody's own.

    An adapter's pages about somebody's own account lie below `/account/` too.
    """
    return (
        _rule(f"{url_prefix}/account"),
        _rule(f"{url_prefix}/account/*"),
        _rule(f"{url_prefix}/theme", "POST"),
    )


def start_page_rule(url_prefix: str) -> Rule:
    """Return the rule for the page that shows somebody the apps that are theirs."""
    return _rule(f"{url_prefix}/start")


def _rule(path: str, *methods: str) -> Rule:
    return Rule(
        subject=AUTHENTICATED,
        path=path,
        methods=frozenset(methods),
        effect=Effect.ALLOW,
        origin=BUILT_IN,
    )
