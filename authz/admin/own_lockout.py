"""Whether who administers could still administer after a change."""

from authz.admin.context import Actor, AdminContext
from authz.decision import AccessRequest, PolicyInForce, whole_of
from authz.errors import LockedOut
from authz.identity.break_glass import METHOD as BREAK_GLASS
from authz.policy.own_paths import API, PAGES


def refuse_lockout(context: AdminContext, actor: Actor, after: PolicyInForce) -> None:
    """Refuse a policy under which *actor* loses what it takes to mend it.

    Raises:
        LockedOut: if so. Somebody who never could administer loses nothing.
    """
    if actor.subject.source == BREAK_GLASS:
        return  # the administration is open to them whatever the policy says
    prefix = context.settings.url_prefix
    for method, path in (*API, *PAGES):
        asked = AccessRequest(
            subject=actor.subject,
            path=prefix + path,
            method=method,
            scope=whole_of(context.policy, context.settings.own_scope),
        )
        if context.policy.decide(asked) and not after.decide(asked):
            raise LockedOut(
                f"you ({actor.name}) could not {method} {asked.path} any more",
                "let another administrator make this change",
            )
