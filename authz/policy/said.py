"""What a policy says, as text that is the same wherever each line stands.

Its revision is the digest of that. In a policy in which a few lines have changed, the
text is cut and joined instead of being written anew.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from authz.policy.pacing import paced

#: How many lines are written, or bytes searched, between two looks at the clock.
_LINES: Final = 64
_BYTES: Final = 65_536


def said_line(kind: str, fields: Iterable[str]) -> str:
    """Return what a rule (`p`) or a grant (`g`) with *fields* says."""
    return f"{kind}\0" + "\0".join(fields)


def said_text(lines: Sequence[str]) -> bytes:
    """Return all *lines* as one text."""
    return b"".join(
        "".join([f"{line}\n" for line in lines[at : at + _LINES]]).encode()
        for at in paced(range(0, len(lines), _LINES), 1)
    )


def revision_of(text: bytes) -> str:
    """Return what names a state of a policy: it changes with what the policy says."""
    return hashlib.sha256(text).hexdigest()[:12]


def exchange(
    text: bytes, old: Sequence[str], new: Sequence[str], behind: str | None
) -> bytes | None:
    """Return *text* with the *new* lines where the *old* ones stand together.

    Where there are no old ones, they come *behind* a line, or first. None if a line
    that goes, or the one they come behind, is there twice, or a new one would be.
    """
    start = end = 0
    known = [behind] if behind is not None and not old else old
    for line in known:
        at = _find(text, line)
        if at < 0 or _find(text, line, at + 1) >= 0:
            return None
        if line is known[0]:
            start = at
        end = at + len(line.encode()) + 1
    if not old:
        start = end
    if any(line not in old and _find(text, line) >= 0 for line in new):
        return None
    return text[:start] + said_text(new) + text[end:]


def _find(text: bytes, line: str, start: int = 0) -> int:
    """Return where *line* stands in *text*, not before *start*; -1 if nowhere."""
    whole = f"{line}\n".encode()
    if not start and text.startswith(whole):
        return 0
    whole = b"\n" + whole
    for at in paced(range(max(start - 1, 0), len(text), _BYTES), 1):
        found = text.find(whole, at, at + _BYTES + len(whole))
        if found >= 0:
            return found + 1
    return -1
