"""From what a proxy says to a subject: names that a policy can speak of, or a refusal.

A name that does not fit is never cut, folded or replaced: two people could become one.
"""

import unicodedata
from collections.abc import Iterable
from typing import Final

from authz.decision import Subject, signed_in
from authz.identity.why import Refused, Why
from authz.names import name_problem

#: Characters of an id or a group, and how many groups one person may have.
MAX_LENGTH: Final = 200
MAX_GROUPS: Final = 512
_MAX_DISPLAY_NAME: Final = 256
#: A proxy that could not fill in a placeholder sends the placeholder.
_PLACEHOLDER: Final = frozenset("{}")


def proxied_subject(
    *,
    source: str,
    method: str,
    id: str,  # noqa: A002 - what stands behind the source's name
    groups: Iterable[str],
    display_name: str | None,
) -> Subject:
    """Return the subject `user:<source>/<id>`, who is in *groups*.

    Raises:
        Refused: if the id or a group cannot be a name of the policy.
    """
    name = f"user:{source}/{id}"
    if "/" in id or not _fits(id) or name_problem(name):
        raise Refused(Why.NAME_NOT_ALLOWED)
    names = set()
    for group in groups:
        if not _fits(group) or name_problem(f"group:{group}"):
            raise Refused(Why.GROUP_NOT_ALLOWED)
        names.add(f"group:{group}")
        if len(names) > MAX_GROUPS:
            raise Refused(Why.TOO_MANY_GROUPS)
    return signed_in(
        name,
        source=method,
        display_name=_shown(display_name) or id,
        groups=frozenset(names),
    )


def _fits(text: str) -> bool:
    return (
        0 < len(text) <= MAX_LENGTH
        and text.isprintable()
        and text == text.strip()
        and _PLACEHOLDER.isdisjoint(text)
        and unicodedata.is_normalized("NFC", text)
    )


def _shown(text: str | None) -> str:
    """Return *text* if a page can show it; it decides nothing."""
    if text is None or len(text) > _MAX_DISPLAY_NAME or not text.isprintable():
        return ""
    return text.strip()
