"""What a rule covers, as a region of paths and methods: containment and overlap.

A pattern stands for infinitely many paths, and a few of them stand for all: two paths
that no pattern tells apart get the same answer. `paths_in` names enough of them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from authz.decision import Rule

#: What stands for a segment that no pattern names.
SAMPLE: Final = "~sample"
_PARAMETER: Final = ":any"


def covers(wide: Rule, narrow: Rule) -> bool:
    """Return whether every path and method of *narrow* is one of *wide*."""
    return covers_methods(wide.methods, narrow.methods) and covers_path(
        wide.path, narrow.path
    )


def overlaps(one: Rule, other: Rule) -> bool:
    """Return whether some path and method is one of both rules."""
    return shares_methods(one.methods, other.methods) and bool(
        overlap(one.path, other.path)
    )


def covers_methods(wide: frozenset[str], narrow: frozenset[str]) -> bool:
    """Return whether all methods of *narrow* are in *wide*; empty means every one."""
    return not wide or bool(narrow and narrow <= _spoken(wide))


def shares_methods(one: frozenset[str], other: frozenset[str]) -> bool:
    """Return whether some method is in both."""
    return common_methods(one, other) is not None


def common_methods(one: frozenset[str], other: frozenset[str]) -> frozenset[str] | None:
    """Return the methods that are in both, empty for every one; None if none is."""
    if not one or not other:
        return one or other
    both = _spoken(one) & _spoken(other)
    if "GET" in both:
        both -= {"HEAD"}  # GET covers it
    return both or None


def covers_path(wide: str, narrow: str) -> bool:
    """Return whether every path that *narrow* matches is matched by *wide*."""
    wanted, given = wide.split("/"), narrow.split("/")
    if wanted[-1] == "*":
        wanted.pop()
        if len(given) <= len(wanted):
            return False
    elif len(given) != len(wanted) or given[-1] == "*":
        return False
    return all(
        want == have or (want.startswith(":") and have not in {"", "*"})
        for want, have in zip(wanted, given, strict=False)
    )


def overlap(one: str, other: str) -> str | None:
    """Return the pattern of exactly the paths that both match; None if there is none.

    Its parameters have names of their own.
    """
    (short, short_tail), (long, long_tail) = sorted(
        map(_parts, (one, other)), key=lambda parts: len(parts[0])
    )
    if len(short) < len(long):
        if not short_tail:
            return None
    elif short_tail != long_tail:
        return None  # a tail is at least one segment more
    merged: list[str] = []
    for have, want in zip(short, long, strict=False):
        if have == want or (_is_parameter(have) and want):
            merged.append(want)
        elif _is_parameter(want) and have:
            merged.append(have)
        else:
            return None
    merged += long[len(merged) :]
    merged = [_PARAMETER if _is_parameter(part) else part for part in merged]
    return "/".join([*merged, "*"] if long_tail else merged)


def paths_in(pattern: str, *, depth: int, sample: str = SAMPLE) -> Iterator[str]:
    """Yield paths of *pattern*, one for each length up to *depth* segments or more.

    Their parameters have the value *sample*. A tail is left empty too. What every
    pattern of at most *depth* - 1 segments says of a path of *pattern* whose free
    segments it does not name, it says of one of these.
    """
    parts, tail = _parts(pattern)
    filled = [sample if _is_parameter(part) else part for part in parts]
    if not tail:
        yield "/".join(filled)
        return
    yield "/".join([*filled, ""])
    for length in range(1, max(1, depth - len(filled)) + 1):
        yield "/".join([*filled, *[sample] * length])


def fresh_sample(patterns: Iterable[str]) -> str:
    """Return a segment that none of *patterns* names."""
    named = {part for pattern in patterns for part in pattern.split("/")}
    sample = SAMPLE
    while sample in named:
        sample += "~"
    return sample


def depth_of(patterns: Iterable[str]) -> int:
    """Return how many segments tell any two paths apart, one more than are named."""
    return max((pattern.count("/") for pattern in patterns), default=0) + 2


def _spoken(methods: frozenset[str]) -> frozenset[str]:
    return methods | {"HEAD"} if "GET" in methods else methods


def _parts(pattern: str) -> tuple[list[str], bool]:
    parts = pattern.split("/")
    tail = parts[-1] == "*"
    return (parts[:-1] if tail else parts), tail


def _is_parameter(part: str) -> bool:
    return part.startswith(":")
