"""Whether two ids would be taken for one another: skeletons after UTS #39.

Letters that look alike are one letter in a skeleton, whatever alphabet they are from:
`admin` with a Cyrillic first letter has the skeleton of `admin`. The table,
`confusables.txt`, is the part of Unicode's own that ids can hold; its head says where
it comes from.
"""

import unicodedata
from collections.abc import Iterable
from functools import cache
from typing import Final

_TABLE: Final = "confusables.txt"


def skeletons(id: str) -> frozenset[str]:  # noqa: A002 - the field's name
    """Return what a look-alike of *id* has in common with it.

    Two ids look alike if they share one of these. One is of the id as it is written,
    because capital `I` looks like small `l`; the other without its case, because
    `Admin` and `admin` are one to a reader. So are `B0B`, `BOB` and `bob`: the case of
    a skeleton says nothing.
    """
    plain = unicodedata.normalize("NFKC", id)
    both = _skeleton(plain), _skeleton(plain.casefold())
    return frozenset(skeleton.casefold() for skeleton in both)


def lookalike(id: str, others: Iterable[str]) -> str | None:  # noqa: A002
    """Return the first of *others* that *id* would be taken for, and is not."""
    mine = skeletons(id)
    return next(
        (o for o in others if o != id and not mine.isdisjoint(skeletons(o))), None
    )


def _skeleton(text: str) -> str:
    """Return the skeleton of UTS #39, 4: NFD, prototypes, NFD."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFD", decomposed.translate(_prototypes()))


@cache
def _prototypes() -> dict[int, str]:
    """Return what stands for each letter that looks like others."""
    from importlib.resources import files  # most commands never ask

    text = files(__package__).joinpath(_TABLE).read_text(encoding="utf-8")
    table = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            prototype, _, letters = line.partition(" ")
            table.update(dict.fromkeys(map(ord, letters), prototype))
    return table
