"""From what a proxy says to a subject: names that a policy can speak of, or a refusal.

A name that does not fit is never cut, folded or replaced: two people could become one.
What decides nothing refuses nobody: a name to show is made fit, and a group that no
policy can name is dropped (`authz.identity.groups`).
"""

import unicodedata
from typing import Final

from authz.decision import Groups, Subject, signed_in
from authz.identity.groups import MAX_LENGTH
from authz.identity.why import Refused, Why
from authz.names import hidden_character, name_problem

_MAX_DISPLAY_NAME: Final = 256
#: A proxy that could not fill in a placeholder sends the placeholder.
_PLACEHOLDER: Final = frozenset("{}")
#: And others send a word for it: Apache `(null)`, nginx's log formats `-`, scripts the
#: rest. Everybody who did not sign in would be one person of that name.
_NOBODY: Final = frozenset({"(null)", "-", "null", "undefined", "None"})


def proxied_subject(  # noqa: PLR0913 - what a provider says of somebody
    *,
    source: str,
    method: str,
    id: str,  # noqa: A002 - what stands behind the source's name
    place: str,
    groups: Groups,
    display_name: str | None,
) -> Subject:
    """Return the subject `user:<source>/<id>`, who is in *groups*.

    *place* is where the id was delivered: "the header `Remote-User`".

    Raises:
        Refused: if the id cannot be a name of the policy.
    """
    name = f"user:{source}/{id}"
    if "/" in id or not _fits(id) or name_problem(name):
        raise Refused(Why.NAME_NOT_ALLOWED, place=place, value=id)
    return signed_in(
        name, source=method, display_name=shown_name(display_name) or id, groups=groups
    )


def shown_name(text: str | None) -> str:
    """Return *text* as a page can show it, or the empty string; it never refuses."""
    if not text:
        return ""
    composed = unicodedata.normalize("NFC", text)
    seen = "".join(c for c in composed if not hidden_character(c)).strip()
    return seen if len(seen) <= _MAX_DISPLAY_NAME and seen.isprintable() else ""


def _fits(text: str) -> bool:
    return (
        0 < len(text) <= MAX_LENGTH
        and text.isprintable()
        and text == text.strip()
        and _PLACEHOLDER.isdisjoint(text)
        and text not in _NOBODY
        and unicodedata.is_normalized("NFC", text)
    )
