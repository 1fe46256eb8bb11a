"""What requests to authz itself are about, in a policy with scopes.

The administration is of the whole, unless it answers for the scopes of who asks: then
it is about none in particular, and `authz.admin.reach` says what they see and change.
"""

from typing import Final

from authz.decision import PolicyInForce, whole_of
from authz.scope import AskedScope, Scope

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
) | frozenset(
    f"authz_admin.{page}"
    for page in (
        "overview", "people", "person", "person_scopes", "rules", "audit", "changes",
        "changes_apply", "draft_give", "draft_take_out", "draft_rebase",
        "draft_discard",
    )
)  # fmt: skip
#: What is nobody's administration.
_EVERYBODY_S: Final = frozenset({"authz_api.openapi", "authz_admin.theme"})
#: The way in by a shell of the host, and the start page of `authz serve`.
_EVERYBODY_S_PAGES: Final = ("authz_break_glass.", "authz_portal.")


def own_scope(
    policy: PolicyInForce,
    endpoint: str,
    path: str,
    prefix: str,
    own: Scope | None = None,
) -> AskedScope:
    """Return what a request to *endpoint*, one of ours, is about.

    *path* is below *prefix*, that of our pages, all of which are about the scope *own*
    if there is one: a rule for another host says nothing of them.
    """
    personal = f"{path}/".startswith(f"{prefix}/account/")
    opened = endpoint.startswith(_EVERYBODY_S_PAGES)
    # Where all pages are about one host, a role at another opens none by a path; see
    # `authz.admin.reach.as_administrator`.
    limited = endpoint in (_EVERYBODY_S if own else REACHING | _EVERYBODY_S)
    # Whoever asks `authz serve` about its hosts has a role for that, at its own.
    asks = own is not None and endpoint.startswith("authz_authzen.")
    administers = not (personal or opened or limited or asks)
    return whole_of(policy, own) if administers else own
