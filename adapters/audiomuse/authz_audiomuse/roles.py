"""What AudioMuse-AI calls somebody: it knows two words, the policy any number."""

from enum import StrEnum
from typing import Final

from authz import Subject
from authz.integration.web import Runtime

ADMIN_ROLE: Final = "role:admin"
#: Kinds of names that belong to no person of the app's own list.
_PERSON: Final = "user:"
_REMEMBERED: Final = 1024


class HostRole(StrEnum):
    """A role as the app spells it in `g.auth_role`."""

    ADMIN = "admin"
    USER = "user"
    #: Before anything is decided. The app takes an unset role for an administrator's.
    NOBODY = "nobody"


class HostRoles:
    """Says which of the app's roles a subject has, by the policy in force."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[tuple[str, frozenset[str]], HostRole] = {}

    def of(self, subject: Subject) -> HostRole:
        """Return the role of *subject*: an administrator's only for `role:admin`."""
        policy = self._runtime.policy
        key = (policy.revision, subject.names)
        role = self._known.get(key)
        if role is None:
            held = policy.roles_of(subject.names)
            role = HostRole.ADMIN if ADMIN_ROLE in held else HostRole.USER
            if len(self._known) >= _REMEMBERED:
                self._known = {}
            self._known[key] = role
        return role


def host_name(subject: Subject) -> str | None:
    """Return what `g.auth_user` is to be; None for machines and strangers.

    It is the whole id: `authentik/bob` is never the `bob` of the app's own list.
    """
    if subject.name.startswith(_PERSON):
        return subject.name.removeprefix(_PERSON)
    return None
