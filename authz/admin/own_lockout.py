"""Whether who administers could still administer after a change."""

from typing import Final

from authz.admin.context import Actor, AdminContext
from authz.decision import AccessRequest, PolicyInForce
from authz.errors import LockedOut

#: What it takes to see the rules and to mend them, below the prefix.
ESSENTIAL: Final = (
    ("GET", "/api/v1/rules"),
    ("POST", "/api/v1/changes"),
    ("GET", "/admin/rules"),
    ("GET", "/admin/changes"),
    ("POST", "/admin/changes/apply"),
)


def refuse_lockout(context: AdminContext, actor: Actor, after: PolicyInForce) -> None:
    """Refuse a policy under which *actor* loses what it takes to mend it.

    Raises:
        LockedOut: if so. Somebody who never could administer loses nothing.
    """
    prefix = context.settings.url_prefix
    for method, path in ESSENTIAL:
        asked = AccessRequest(subject=actor.subject, path=prefix + path, method=method)
        if context.policy.decide(asked) and not after.decide(asked):
            raise LockedOut(
                f"you ({actor.name}) could not {method} {asked.path} any more",
                "let another administrator make this change",
            )
