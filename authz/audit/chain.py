"""A chain of records: each holds the hash of the one before it.

Who changes, removes or inserts a record breaks the chain at that place. Who can write
the whole log can also make a new chain, or cut off its end; only the head, kept
somewhere else, shows that. Pure: files and tables are elsewhere.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

#: What stands in the first record for the hash of the one before it.
GENESIS: Final = "0" * 64


#: Returns a record as the one line of ASCII JSON that stands for it.
canonical: Final = json.JSONEncoder(
    ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
#: Stands where the hash will, so that a record is written once; no text has it in it.
_PLACE: Final = secrets.token_hex(32)
_PLACED: Final = f'"hash":"{_PLACE}",'


def sealed(record: Mapping[str, Any], *, number: int, previous: str) -> tuple[str, str]:
    """Return *record* as a line of the chain, and its hash.

    *number* counts the records from 1; *previous* is the hash of the record before it,
    `GENESIS` for the first. The hash is SHA-256 over the canonical line with both in
    it, and is added to the line as `hash`.
    """
    linked = {**record, "hash": _PLACE, "seq": number, "prev_hash": previous}
    # Keys are sorted, so `prev_hash` and more always follow.
    before, _, after = canonical(linked).partition(_PLACED)
    digest = sha256((before + after).encode("ascii")).hexdigest()
    return f'{before}"hash":"{digest}",{after}', digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where a chain stands: what the next record has to follow."""

    #: The number of the last record; 0 before the first.
    number: int = 0
    #: Its hash.
    head: str = GENESIS


class BrokenChain(ValueError):
    """A line does not follow the one before it. The message says how."""


def follow(link: Link, line: str, *, first: bool = False) -> Link:
    """Return where the chain stands behind *line*, which follows *link*.

    With *first*, the line may follow any record: what was before it was removed when
    the log was rotated.

    Raises:
        BrokenChain: if *line* is not a record, was changed, or follows another one.
    """
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BrokenChain("it is not a record") from error
    if not isinstance(record, dict):
        raise BrokenChain("it is not a record")
    number, previous, digest = (
        record.get("seq"),
        record.get("prev_hash"),
        record.pop("hash", None),
    )
    if type(number) is not int or type(previous) is not str:
        raise BrokenChain("it is not a record")
    try:
        expected, found = sealed(record, number=number, previous=previous)
    except (ValueError, RecursionError) as error:
        raise BrokenChain("it is not a record") from error
    # The line itself too: a name that stands twice in it would be read in two ways.
    if found != digest or expected != line:
        raise BrokenChain("it was changed after it was written")
    if not first and (number, previous) != (link.number + 1, link.head):
        raise BrokenChain(
            f"it is record {number}, which does not follow record {link.number}: "
            "records were removed, inserted or moved"
        )
    return Link(number=number, head=found)
