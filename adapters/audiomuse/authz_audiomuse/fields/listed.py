"""The list of fields: read strictly, and asked by path and name."""

import tomllib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from authz import Problem, SettingsError
from authz.integration.policy import path_match
from authz.integration.settings import read_file

SHIPPED: Final = "fields.toml"
_MAX_BYTES: Final = 1024 * 1024
_ENTRY_KEYS: Final = {"names", "paths", "action", "why"}
_UNKNOWN_KEYS: Final = {"contains", "is"}


class Action(StrEnum):
    """What becomes of a field."""

    ALLOW = "allow"
    DROP = "drop"
    REFUSE = "refuse"
    SHARED = "shared"
    CHOOSE = "choose"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One entry of the list."""

    names: frozenset[str]
    #: Paths as the policy writes them; empty: everywhere.
    paths: tuple[str, ...]
    action: Action
    #: What the field says, for whoever is refused.
    why: str

    def fits(self, path: str, name: str) -> bool:
        """Return whether the entry is about the field *name* on *path*."""
        return name in self.names and (
            not self.paths or any(path_match(path, pattern) for pattern in self.paths)
        )


_SUSPICIOUS: Final = Field(
    names=frozenset(),
    paths=(),
    action=Action.REFUSE,
    why="a server, a credential or somebody else",
)


class FieldList:
    """What is known of fields."""

    def __init__(
        self, fields: tuple[Field, ...], contains: frozenset[str], words: frozenset[str]
    ) -> None:
        """Know *fields*, and what the names of others must not contain or be."""
        self.fields = fields
        self._contains = contains
        self._words = words

    def find(self, path: str, name: str) -> Field | None:
        """Return the entry for the field *name* on *path*; None: it is harmless.

        *name* is written with dots where it lies within another field.
        """
        for field in self.fields:
            if field.fits(path, name):
                return field
        return _SUSPICIOUS if self._looks_suspicious(name) else None

    def _looks_suspicious(self, name: str) -> bool:
        # `user_creds.user`: the last part is the name, but `a.b` may be a name too.
        return any(
            self._is_listed(folded(part)) for part in (name, name.rpartition(".")[2])
        )

    def _is_listed(self, text: str) -> bool:
        return text in self._words or any(part in text for part in self._contains)


def folded(name: str) -> str:
    """Return *name* without case, accents' forms, and whatever is not a letter."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(filter(str.isalnum, text))


def read_fields(own: Path | None = None) -> FieldList:
    """Return the shipped list, with the entries of the file *own* before it.

    Raises:
        SettingsError: if *own* cannot be used; every problem is listed.
    """
    problems: list[Problem] = []
    shipped = files("authz_audiomuse.fields").joinpath(SHIPPED).read_bytes()
    fields, contains, words = _parsed(shipped, SHIPPED, problems)
    if own is not None:
        try:
            data = read_file(own, most=_MAX_BYTES)
        except OSError as error:
            raise SettingsError.at(
                "AUTHZ_AUDIOMUSE_FIELDS",
                f"the file `{own}` cannot be read ({error.strerror})",
                "check the path and who may read it",
            ) from error
        first, more, also = _parsed(data, str(own), problems)
        fields, contains, words = first + fields, contains | more, words | also
    if problems:
        raise SettingsError(problems)
    return FieldList(fields, contains, words)


def _parsed(
    data: bytes, source: str, problems: list[Problem]
) -> tuple[tuple[Field, ...], frozenset[str], frozenset[str]]:
    try:
        table = tomllib.loads(data.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        problems.append(
            Problem(
                where=source,
                message=f"this is not TOML ({error})",
                hint="correct it; the shipped fields.toml is an example",
            )
        )
        return (), frozenset(), frozenset()
    _refuse_keys(source, table, {"field", "unknown"}, problems)
    unknown = table.get("unknown", {})
    _refuse_keys(f"{source}: unknown", unknown, _UNKNOWN_KEYS, problems)
    fields = tuple(
        field
        for number, entry in enumerate(table.get("field", ()), start=1)
        if (field := _field(f"{source}: field {number}", entry, problems))
    )
    contains, words = (
        frozenset(map(folded, unknown.get(key, ()))) - {""}
        for key in ("contains", "is")
    )
    return fields, contains, words


def _field(
    where: str, entry: Mapping[str, Any], problems: list[Problem]
) -> Field | None:
    before = len(problems)
    _refuse_keys(where, entry, _ENTRY_KEYS, problems)
    problems.extend(_entry_problems(where, entry))
    if len(problems) > before:
        return None
    return Field(
        names=frozenset(entry["names"]),
        paths=tuple(entry.get("paths", ())),
        action=Action(entry["action"]),
        why=entry["why"],
    )


def _entry_problems(where: str, entry: Mapping[str, Any]) -> Iterator[Problem]:
    if not _texts(entry.get("names")) or not entry["names"]:
        yield Problem(
            where=where, message="it names no field", hint='write `names = ["server"]`'
        )
    paths = entry.get("paths", [])
    if not _texts(paths) or not all(path.startswith("/") for path in paths):
        yield Problem(
            where=where,
            message="`paths` are not paths",
            hint='write `paths = ["/api"]`',
        )
    if entry.get("action") not in set(Action):
        yield Problem(
            where=where,
            message=f"`{str(entry.get('action'))[:80]}` is no action",
            hint=f"write one of {', '.join(f'`{action}`' for action in Action)}",
        )
    if not isinstance(entry.get("why"), str):
        yield Problem(
            where=where,
            message="it does not say why",
            hint="add `why` with a few words",
        )


def _refuse_keys(
    where: str, table: Mapping[str, Any], known: set[str], problems: list[Problem]
) -> None:
    problems.extend(
        Problem(
            where=where,
            message=f"`{key[:80]}` is not known here",
            hint=f"write one of {', '.join(f'`{name}`' for name in sorted(known))}",
        )
        for key in sorted(set(table) - known)
    )


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
