"""What requests to authz itself are about, in a policy with scopes.

The administration is of the whole, unless it answers for the scopes of who asks: then
it is about none in particular, and `authz.admin.reach` says what they see and change.
"""

from typing import Final

from authz.decision import PolicyInForce
from authz.scope import WHOLE, AskedScope

#: How the blueprints of authz and of its adapters begin; the app's way in is `authz`.
OURS: Final = "authz_"
#: What answers for the scopes that somebody administers.
REACHING: Final = frozenset(
    f"authz_api.{operation}"
    for operation in (
        "list_rules", "get_rule", "list_grants", "get_grant", "add_grant",
        "replace_grant", "remove_grant", "preview_changes", "apply_changes",
        "list_people", "list_audit",
    )
)  # fmt: skip
#: What is nobody's administration.
_EVERYBODY_S: Final = frozenset({"authz_api.openapi", "authz_admin.theme"})


def own_scope(
    policy: PolicyInForce, endpoint: str, path: str, prefix: str
) -> AskedScope:
    """Return what a request to *endpoint*, one of ours, is about.

    *path* is below *prefix*, that of our pages.
    """
    written = policy.written
    if written is None or not written.scoped:
        return None
    personal = f"{path}/".startswith(f"{prefix}/account/")
    opened = endpoint.startswith("authz_break_glass.")
    limited = endpoint in REACHING or endpoint in _EVERYBODY_S
    return None if personal or opened or limited else WHOLE
