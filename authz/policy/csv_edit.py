"""A policy file as entries, and changes to its text that leave the rest as it stands.

Comments, blank lines, the order of lines and their ends are the operator's; a change
touches the lines it is about and no other. Two forms of comment are ours:

    # note: why the next line is there
    p, role:user, /map, GET
    # disabled: p, role:user, /chat, GET
"""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import Origin
from authz.errors import AlreadyThere, InvalidValue, PolicyError
from authz.policy.csv_rows import Row, read_rows, spell
from authz.policy.normalize import normalize_row
from authz.policy.recent_rows import RecentRows
from authz.policy.records import (
    Add,
    Change,
    Entry,
    Remove,
    Replace,
    Switch,
    note_problem,
)

_NOTE: Final = re.compile(r"[ \t]*#[ \t]*note:(.*)")
_DISABLED: Final = re.compile(r"[ \t]*#[ \t]*disabled:[ \t]*(.*)")
_NEW: Final = "the new line"


def read_entries(
    data: bytes, *, source: str = "policy.csv", recent: RecentRows | None = None
) -> tuple[Entry, ...]:
    """Return the entries of a policy file, disabled ones included, in its order.

    Lines among the *recent* ones are not read again.

    Raises:
        PolicyError: with every problem found; a file is read whole or not at all.
    """
    sheet = _Sheet(data, source, recent or RecentRows())
    return tuple(line.entry for line in sheet.lines if line.entry)


def edited(
    data: bytes,
    changes: Iterable[Change],
    *,
    source: str,
    recent: RecentRows | None = None,
) -> bytes:
    """Return *data* after *changes*, which name entries as `read_entries` does.

    An added row goes behind the last one for the same subject, or to the end. Lines
    among the *recent* ones are not read again.

    Raises:
        PolicyError: if *data* cannot be read, or a row or note is not one line.
        LookupError: if a change names an entry that is not there.
        AlreadyThere: if a change would make a row that is there already.
    """
    sheet = _Sheet(data, source, recent or RecentRows())
    for change in changes:
        sheet.change(change)
    sheet.refuse_twins()
    return sheet.text()


def patch(before: bytes, after: bytes, *, name: str) -> str:
    """Return what `git apply` or `patch -p1` need to make *after* of *before*."""
    lines = difflib.unified_diff(
        _lines(before), _lines(after), fromfile=f"a/{name}", tofile=f"b/{name}"
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in lines
    )


@dataclass(slots=True)
class _Line:
    """One line of the file, with its end."""

    text: str
    entry: Entry | None = None
    #: The comment above that holds the entry's note.
    note: "_Line | None" = None
    removed: bool = False


class _Sheet:
    """The lines of a file while they are changed."""

    def __init__(self, data: bytes, source: str, recent: RecentRows) -> None:
        read = recent.read(data, source=source)
        rows = {row.origin.line: row for row in read.rows}
        self._mark = "\ufeff" if data.startswith(b"\xef\xbb\xbf") else ""
        self.lines = [_Line(text) for text in _lines(data, self._mark)]
        self._end = "\r\n" if b"\r\n" in data else "\n"
        above: _Line | None = None
        for number, line in enumerate(self.lines, start=1):
            body = line.text.rstrip("\r\n")
            row = rows.get(number) or _disabled_row(body, Origin(source, number))
            if row is not None:
                line.note = above
                found = above and _NOTE.fullmatch(above.text.rstrip("\r\n"))
                line.entry = Entry(
                    id=f"L{number}",
                    row=row,
                    note=found[1].strip() if found else "",
                    disabled=number not in rows,
                )
            above = line if _NOTE.fullmatch(body) else None
        self._by_id = {line.entry.id: line for line in self.lines if line.entry}
        self._added: list[tuple[Row, list[_Line]]] = []
        self._replaced: list[Row] = []

    def change(self, change: Change) -> None:
        if isinstance(change, Add):
            self._add(change)
            return
        line = self._by_id.get(change.id)
        if line is None or line.entry is None or line.removed:
            raise LookupError(f"there is no entry `{change.id}`")
        if isinstance(change, Remove):
            line.removed = True
            if line.note is not None:
                line.note.removed = True
        elif isinstance(change, Switch):
            if change.disabled != line.entry.disabled:
                line.text = _switched(line.text, disabled=change.disabled)
                line.entry = replace(line.entry, disabled=change.disabled)
        else:
            self._replace(line, change)

    def refuse_twins(self) -> None:
        """Raise `AlreadyThere` if a row that was made is there twice.

        Twins that somebody wrote by hand stay; they do no harm.
        """
        there = Counter(normalize_row(entry.row)[:2] for entry in self._left())
        for row in (*(row for row, _ in self._added), *self._replaced):
            if there[normalize_row(row)[:2]] > 1:
                raise AlreadyThere(f"`{_spelled(row)}` is there already")

    def _left(self) -> Iterator[Entry]:
        for line in self.lines:
            if line.entry and not line.removed:
                yield line.entry
        for row, _ in self._added:
            yield Entry(id="", row=row)

    def text(self) -> bytes:
        """Return the whole file."""
        lines = [line for line in self._with_added() if not line.removed]
        text = ""
        if lines:
            *most, last = lines
            # Whatever follows a last line without an end begins a line of its own.
            text = "".join(
                line.text if line.text.endswith("\n") else line.text + self._end
                for line in most
            )
            text += last.text
        return (self._mark + text).encode()

    def _add(self, change: Add) -> None:
        text = _spelled(change.row) + self._end
        lines = [_Line(_switched(text, disabled=True) if change.disabled else text)]
        if change.note.strip():
            lines.insert(0, _Line(_noted(change.note.strip()) + self._end))
        self._added.append((change.row, lines))

    def _with_added(self) -> list[_Line]:
        """Return all lines, each added one behind the last that is like it."""
        last = {
            _likeness(line.entry.row): index
            for index, line in enumerate(self.lines)
            if line.entry and not line.entry.disabled and not line.removed
        }
        behind: defaultdict[int, list[_Line]] = defaultdict(list)
        at_the_end: defaultdict[tuple[str, ...], list[_Line]] = defaultdict(list)
        for row, added in self._added:
            index = last.get(_likeness(row))
            group = at_the_end[_likeness(row)] if index is None else behind[index]
            group.extend(added)
        lines: list[_Line] = []
        for index, line in enumerate(self.lines):
            lines.append(line)
            lines.extend(behind[index])
        if at_the_end and self._ends_with_a_note():
            lines.append(_Line(self._end))  # it is no note on what is added
        for group in at_the_end.values():
            lines.extend(group)
        return lines

    def _ends_with_a_note(self) -> bool:
        return bool(self.lines) and bool(
            _NOTE.fullmatch(self.lines[-1].text.rstrip("\r\n"))
        )

    def _replace(self, line: _Line, change: Replace) -> None:
        old = line.text
        line.text = _spelled(change.row) + old[len(old.rstrip("\r\n")) :]
        assert line.entry is not None  # noqa: S101 - for the type checker
        if line.entry.disabled:
            line.text = _switched(line.text, disabled=True)
        if (change.row.kind, change.row.fields) != line.entry.row[:2]:
            self._replaced.append(change.row)
        line.entry = replace(line.entry, row=change.row)
        note = change.note.strip()
        if note and line.note is not None:
            end = line.note.text[len(line.note.text.rstrip("\r\n")) :]
            line.note.text = _noted(note) + end
            line.note.removed = False
        elif note:
            line.note = _Line(_noted(note) + self._end)
            self.lines.insert(self._index(line), line.note)
        elif line.note is not None:
            line.note.removed = True

    def _index(self, line: _Line) -> int:
        return next(i for i, other in enumerate(self.lines) if other is line)


def _disabled_row(body: str, origin: Origin) -> Row | None:
    """Return the row that a comment holds, if it is a disabled entry."""
    found = _DISABLED.fullmatch(body)
    if found is None:
        return None
    try:
        rows = read_rows(found[1].encode(), source=origin.source).rows
    except PolicyError:
        return None  # a comment like any other
    return rows[0]._replace(origin=origin) if rows else None


def _switched(text: str, *, disabled: bool) -> str:
    if disabled:
        return "# disabled: " + text.lstrip(" \t")
    body = text.rstrip("\r\n")
    found = _DISABLED.fullmatch(body)
    return (found[1] if found else body) + text[len(body) :]


def _likeness(row: Row) -> tuple[str, ...]:
    return (row.kind, *row.fields[:1])


def _spelled(row: Row) -> str:
    try:
        return spell(row.kind, *row.fields)
    except InvalidValue as error:
        raise PolicyError([error.problem.at(_NEW)]) from error


def _noted(note: str) -> str:
    problem = note_problem(note)
    if problem:
        raise PolicyError([problem.at(_NEW)])
    return f"# note: {note}"


def _lines(data: bytes, mark: str = "") -> list[str]:
    """Return the lines of *data*, which is UTF-8, with their ends."""
    lines = [line + "\n" for line in data.decode().removeprefix(mark).split("\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
