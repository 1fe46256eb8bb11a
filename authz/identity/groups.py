"""The groups that a provider names: how they were delivered, and what came of them.

A list in a token arrives as it is; a text is cut at a separator, and a group whose name
holds the separator can never arrive. What no policy can name is dropped, and kept so
that an operator can see it.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from authz.decision import DroppedGroup, Groups
from authz.identity.lookalikes import lookalike
from authz.identity.why import Refused, Why
from authz.names import hidden_character, name_problem

#: Characters of an id or a group, and how many groups one person may have.
MAX_LENGTH: Final = 200
MAX_GROUPS: Final = 512
_SHOWN: Final = 80
_KIND: Final = "group:"
#: A proxy that could not fill in a placeholder sends the placeholder.
_PLACEHOLDER: Final = frozenset("{}")

#: One part of an LDAP name, `OU=Groups`, by the attributes of RFC 4514, 3, and the ones
#: that directories use besides; or by an object identifier.
_LDAP_PART: Final = re.compile(
    r"\s*(?:CN|OU|DC|UID|O|L|ST|C|STREET|SN|GN|E|EMAILADDRESS|SERIALNUMBER"
    r"|(?:OID\.)?\d+(?:\.\d+)+)\s*=.*",
    re.IGNORECASE | re.DOTALL,
)
#: These are enough alone: nobody names a group so by chance.
_SURE: Final = re.compile(r"\s*(?:CN|OU|DC|UID)\s*=.*", re.IGNORECASE | re.DOTALL)
_BASE: Final = re.compile(r"\s*(?:OU|DC|O)\s*=.*", re.IGNORECASE | re.DOTALL)
#: It ends with half of an escaped character, or in quotes that do not end.
_ENDS_WITHIN: Final = re.compile(r'(?:[^\\]|\\.)*\\|.*="[^"]*', re.DOTALL)
#: What LDAP itself writes between the parts of a name.
_LDAP_SEPARATOR: Final = ","
#: Marks that stand between the names of a list which nobody cut.
_LIST_MARKS: Final = re.compile(r"[,;|\s]+")
_MARKS: Final = re.compile(r"[\s._-]+")


#: What to do about a group that can never arrive.
ANOTHER_WAY: Final = (
    "have the provider send another separator, or a list in a signed token, or rename "
    "the group"
)


def groups_in_text(text: str, *, place: str, separator: str | None) -> Groups:
    """Return the groups in a header or a claim that is one text.

    Args:
        text: What was delivered. Empty pieces are none.
        place: Where, for a message: "the header `Remote-Groups`".
        separator: What stands between two groups; None: the text is one group.

    Raises:
        Refused: if it is an LDAP name that the separator cuts into pieces, or if there
            are too many.
    """
    pieces = [text] if separator is None else text.split(separator)
    pieces = [piece for piece in map(str.strip, pieces) if piece]
    if separator is not None and (
        is_cut_ldap_name(pieces)
        if separator == _LDAP_SEPARATOR
        else was_cut_by_somebody(pieces)
    ):
        raise Refused(Why.LDAP_NAME_CUT, place=place, value=text)
    return _groups(pieces, place=place, separator=separator)


def groups_in_list(values: Iterable[object], *, place: str) -> Groups:
    """Return the groups in a claim that is a list.

    Raises:
        Refused: as `groups_in_text`.
    """
    values = list(values)
    texts = [value for value in values if isinstance(value, str)]
    if was_cut_by_somebody(texts):
        raise Refused(Why.LDAP_NAME_CUT, place=place, value=",".join(texts))
    return _groups(values, place=place, separator=None)


def is_cut_ldap_name(pieces: Iterable[str]) -> bool:
    """Return whether *pieces*, cut at commas, look like parts of an LDAP name."""
    pieces = list(pieces)
    parts = [piece for piece in pieces if _LDAP_PART.fullmatch(piece)]
    return len(parts) > 1 or any(map(_SURE.fullmatch, parts))


def was_cut_by_somebody(pieces: Iterable[str]) -> bool:
    """Return whether *pieces*, which nobody here cut at commas, are parts all the same.

    Whole LDAP names hold commas. Parts of one that was cut hold none, and one of them
    names its base (`OU=`, `DC=`, `O=`); or the cut went through an escaped or quoted
    mark (RFC 4514, 2.4).
    """
    pieces = list(pieces)
    parts = [piece for piece in pieces if _LDAP_PART.fullmatch(piece)]
    bare = [part for part in parts if _LDAP_SEPARATOR not in part]
    return (len(bare) > 1 and any(map(_BASE.fullmatch, bare))) or (
        len(pieces) > 1 and any(map(_ENDS_WITHIN.fullmatch, parts))
    )


def group_problem(text: str) -> str | None:
    """Return why no policy can name the group *text* as a provider sent it, or None."""
    if not text:
        return "it is empty"
    if len(text) > MAX_LENGTH:
        return f"it has more than {MAX_LENGTH} characters"
    if not text.isprintable() or hidden_character(text):
        return "it holds a character that cannot be seen"
    if text != text.strip():
        return "it has a blank at an end"
    if not _PLACEHOLDER.isdisjoint(text):
        return "it holds `{` or `}`: a placeholder that the proxy did not fill in"
    if not unicodedata.is_normalized("NFC", text):
        return "its letters are not composed (Unicode NFC)"
    problem = name_problem(_KIND + text)
    return problem.message if problem else None


def undeliverable(
    names: Iterable[str], separators: Mapping[str, str | None]
) -> Iterator[tuple[str, str]]:
    """Yield each group of *names* that can never arrive, and why.

    Args:
        names: Groups as a policy names them, `group:...`.
        separators: How groups are delivered: each place, and the separator that the
            text there is cut at; None where nothing is cut.
    """
    for name in sorted(set(names)):
        text = name.removeprefix(_KIND)
        problem = group_problem(text)
        if problem:
            yield name, problem
        elif not separators:
            yield name, "whoever vouches for people names no groups"
        elif all(cut and cut in text for cut in separators.values()):
            yield (
                name,
                " and ".join(
                    f"{place} is cut at `{cut}`" for place, cut in separators.items()
                ),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NearMiss:
    """A group that was delivered and is nearly one that the policy names."""

    delivered: str
    #: What the policy names, without `group:`.
    named: str
    #: How they differ, as the rest of a sentence: "differs from `admins` only in case".
    how: str

    def __str__(self) -> str:
        return f"`{self.delivered}` {self.how}"


def near_misses(delivered: Iterable[str], named: Iterable[str]) -> tuple[NearMiss, ...]:
    """Return which groups of *delivered* are nearly one of *named*.

    Args:
        delivered: As the provider sent them, without `group:`.
        named: As the policy names them, `group:...`.
    """
    exact = {name.removeprefix(_KIND) for name in named}
    folded: dict[str, str] = {}
    loose: dict[str, str] = {}
    for name in sorted(exact, reverse=True):
        folded[_fold(name)] = name
        loose[_loose(name)] = name
    found = []
    for text in dict.fromkeys(delivered):
        if text in exact:
            continue
        for how, candidate in _readings(text):
            near = folded.get(_fold(candidate))
            if candidate and near is not None:
                found.append((text, near, how))
                break
        else:
            near = loose.get(_loose(text))
            if near is not None:
                how = "differs from `{name}` only in blanks and marks"
            else:
                near = lookalike(text, sorted(exact))
                how = "looks like `{name}` and has other letters"
            if near is not None:
                found.append((text, near, how))
    return tuple(
        NearMiss(delivered=text, named=name, how=how.format(name=name))
        for text, name, how in found
    )


def _readings(text: str) -> Iterator[tuple[str, str]]:
    """Yield how *text* may be meant: what to say of it, and the name it would be."""
    if unicodedata.is_normalized("NFC", text):
        yield "differs from `{name}` only in case", text
    else:
        yield "differs from `{name}` only in how its letters are composed", text
    yield "is `{name}` with blanks at an end", text.strip()
    path = "is Keycloak's full path of `{name}`"
    if text.startswith("/"):
        yield path, text[1:]
        yield path, text.rpartition("/")[2]
    else:
        yield "is the name of Keycloak's full path `{name}`", f"/{text}"
    if "\\" in text:
        yield "is `{name}` with a Windows domain before it", text.rpartition("\\")[2]
    if "@" in text:
        yield "is `{name}` with a domain behind it", text.partition("@")[0]
    if _LDAP_PART.fullmatch(text):
        first = text.partition(",")[0].partition("=")[2].strip()
        yield "is the LDAP name of `{name}`", first
    if text.lower().startswith("role_"):
        yield "is `{name}` with `ROLE_` before it", text[5:]
    if _LIST_MARKS.search(text):
        for piece in _LIST_MARKS.split(text):
            yield "looks like a list with `{name}` in it: set the separator", piece


def _groups(values: Iterable[object], *, place: str, separator: str | None) -> Groups:
    names: set[str] = set()
    delivered: list[str] = []
    dropped: list[DroppedGroup] = []
    for value in values:
        text = value if isinstance(value, str) else repr(value)
        shown = _shown(text)
        delivered.append(shown)
        problem = group_problem(text) if value is text else "it is no text"
        if problem:
            dropped.append(DroppedGroup(text=shown, why=problem))
        else:
            names.add(_KIND + text)
        if len(names) > MAX_GROUPS:
            raise Refused(Why.TOO_MANY_GROUPS, place=place)
    return Groups(
        place=place,
        separator=separator,
        delivered=tuple(delivered),
        names=frozenset(names),
        dropped=tuple(dropped),
    )


def _shown(text: str) -> str:
    """Return *text* as a log may hold it: short, and without odd surrogates."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_LENGTH else f"{text[:_SHOWN]}..."


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


def _loose(text: str) -> str:
    return _MARKS.sub("", _fold(text))
