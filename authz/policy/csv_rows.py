"""`policy.csv` as rows: a strict reader of bytes, and the spelling of one row.

The file is UTF-8 with LF or CRLF line ends. A line is empty, a comment (`#` first),
or fields separated by commas, with blanks around them ignored and RFC 4180 quotes
where a field holds a comma.
"""

import csv
import re
from bisect import bisect_right
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from authz.decision import Grant, Origin, Rule
from authz.errors import InvalidValue, PolicyError, Problem
from authz.policy.pacing import paced

MAX_BYTES = 64 * 1024 * 1024
MAX_LINE = 4096
#: More than this many problems say nothing new.
MAX_PROBLEMS = 100

#: Characters that end a line for some programs and not for others, or that cannot be
#: seen. CR is legal only as part of CRLF, which is taken off before this is asked.
ODD = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
#: Fields in which nothing means anything, and the kinds of nearly all lines.
_PLAIN = re.compile("[pg](?:, [!#-+.-~-]++)++")
_KINDS = frozenset("pg")
#: Makes a named tuple of its values; to call the class takes three times as long.
_made: Final = tuple.__new__
_OTHER_FILES = {
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a zip or spreadsheet file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


class Row(NamedTuple):
    """One line that is neither empty nor a comment."""

    #: `p`, `g`, or whatever else stands first.
    kind: str
    fields: tuple[str, ...]
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The rows of a file and what is odd about it."""

    rows: tuple[Row, ...]
    warnings: tuple[Problem, ...] = ()


def read_rows(data: bytes, *, source: str = "policy.csv") -> Rows:
    """Read the rows of a policy file.

    Raises `PolicyError` with every problem found; a file is read whole or not at all.
    """
    text, warnings = _decode(data, source)
    return Rows(rows=tuple(_read_lines(text, source)), warnings=warnings)


def read_again(data: bytes, before: bytes, rows: tuple[Row, ...], source: str) -> Rows:
    """Read the rows of a policy file that held *rows* when its bytes were *before*.

    As `read_rows` does. What stands before the first change and behind the last is not
    read again: those rows are the same objects, or moved to their new lines.
    """
    start, same = _common_ends(before, data)
    end_before, end = len(before) - same, len(data) - same
    first = before.count(b"\n", 0, start)
    last = first + before.count(b"\n", start, end_before)
    moved = data.count(b"\n", start, end) - (last - first)
    try:
        # What a file begins with says what it is.
        changed = data[start:end]
        text = changed.decode("utf-8") if start else _decode(changed, source)[0]
        between = _read_lines(text, source, first=first + 1)
    except (PolicyError, UnicodeDecodeError):
        return read_rows(data, source=source)  # which finds every problem
    if len(data) > MAX_BYTES:
        return read_rows(data, source=source)
    behind = rows[bisect_right(rows, last, key=_line_of) :] if same else ()
    if moved:
        behind = tuple(
            Row(row.kind, row.fields, Origin(source, row.origin.line + moved))
            for row in paced(behind)
        )
    ahead = rows[: bisect_right(rows, first, key=_line_of)]
    return Rows(rows=(*ahead, *between, *behind), warnings=_marked(data, source))


def _common_ends(one: bytes, other: bytes) -> tuple[int, int]:
    """Return how many bytes of whole lines both begin with, and end with."""
    shorter = min(len(one), len(other))
    start = _longest(shorter, lambda low, high: one[low:high] == other[low:high])
    start = one.rfind(b"\n", 0, start) + 1

    def same_end(low: int, high: int) -> bool:
        here = one[len(one) - high : len(one) - low]
        return here == other[len(other) - high : len(other) - low]

    end = _longest(shorter - start, same_end)
    line = one.find(b"\n", len(one) - end) + 1
    return start, len(one) - line if line else 0


def _longest(most: int, same: Callable[[int, int], bool]) -> int:
    """Return the largest number up to *most* below which everything is the *same*."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if same(least, middle):
            least = middle
        else:
            most = middle - 1
    return least


def _line_of(row: Row) -> int:
    return row.origin.line


def _read_lines(text: str, source: str, *, first: int = 1) -> list[Row]:
    """Return the rows on the lines of *text*, the first of which has a number."""
    rows: list[Row] = []
    problems: list[Problem] = []
    lines = text.split("\n")
    last = first + len(lines) - 1
    #: Names and methods stand in many lines; each is kept once.
    kept = dict[str, str]().setdefault
    for number, raw in enumerate(paced(lines), start=first):
        if _PLAIN.fullmatch(raw) and len(raw) <= MAX_LINE:
            kind, *fields = raw.split(", ")
            said = tuple([f if f[0] == "/" else kept(f, f) for f in fields])
            rows.append(_made(Row, (kind, said, _made(Origin, (source, number)))))
            continue
        # CRLF, but never a CR at the very end of the file without its LF.
        line = raw[:-1] if raw.endswith("\r") and number < last else raw
        try:
            row = _read_line(line, Origin(source, number))
        except InvalidValue as error:
            problems.append(error.problem.at(Origin(source, number)))
            if len(problems) == MAX_PROBLEMS:
                break
        else:
            if row:
                rows.append(row)
    if problems:
        raise PolicyError(problems)
    return rows


def _decode(data: bytes, source: str) -> tuple[str, tuple[Problem, ...]]:
    if len(data) > MAX_BYTES:
        raise PolicyError.at(
            source, f"the file has {len(data)} bytes", f"use at most {MAX_BYTES}"
        )
    for magic, name in _OTHER_FILES.items():
        if data.startswith(magic):
            raise PolicyError.at(
                source,
                f"this is {name}, not a policy",
                "save it as plain text in UTF-8",
            )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise PolicyError.at(
            f"{source}:{line}",
            f"byte {data[error.start]:#04x} is not UTF-8",
            "save the file as UTF-8",
        ) from error
    marked = _marked(data, source)
    return text[1:] if marked else text, marked


def _marked(data: bytes, source: str) -> tuple[Problem, ...]:
    """Return what is odd about a file that begins with a byte order mark."""
    if not data.startswith(BOM_UTF8):
        return ()
    return (
        Problem(
            where=f"{source}:1",
            message="the file begins with a byte order mark, which is ignored",
            hint="save it as UTF-8 without BOM, so that Casbin's own tools read it too",
        ),
    )


def _read_line(line: str, origin: Origin) -> Row | None:
    """Return the row on *line*. Raises `InvalidValue`."""
    if len(line) > MAX_LINE:
        raise InvalidValue(
            f"the line has {len(line)} characters", f"use at most {MAX_LINE}"
        )
    # What is printable has nothing odd in it, and this says so sooner.
    odd = None if line.isprintable() else ODD.search(line)
    if odd:
        raise InvalidValue(
            f"the line holds the control character {odd.group()!a}",
            "end lines with LF or CRLF and use no other control characters",
        )
    line = line.strip(" \t")
    if not line or line.startswith("#"):
        return None
    if line.startswith(("<<<<<<<", "=======", ">>>>>>>")):
        raise InvalidValue(
            "this is a mark of an unfinished merge",
            "decide which lines stay and remove the marks",
        )
    kind, *fields = _split(line)
    if kind in {"p", "g"}:
        return Row(kind, tuple(fields), origin)
    if not any((kind, *fields)):
        return None  # an empty row, as spreadsheets write it
    if kind.lower() == "ptype" or (kind == "sub" and "obj" in fields):
        raise InvalidValue(
            "this is the heading line of a table of rules",
            "remove the line; `authz import` reads such tables",
        )
    if not kind.isalnum():
        hint = (
            "separate fields with commas"
            if re.search(r"\w *[;|\t，；、]", kind)  # noqa: RUF001 - as typed there
            else "begin the line with `p` (rule), `g` (grant) or `#` (comment)"
        )
        raise InvalidValue(f"`{kind[:40]}` is not a line type", hint)
    return Row(kind, tuple(fields), origin)


def _split(line: str) -> list[str]:
    if '"' not in line:
        fields = line.split(", ")  # as nearly every line is written
        if (
            len(fields) <= line.count(",")
            or "  " in line
            or " ," in line
            or "\t" in line
        ):
            fields = [field.strip(" \t") for field in line.split(",")]
        return fields
    try:
        (fields,) = csv.reader([line], skipinitialspace=True, strict=True)
    except csv.Error as error:
        raise InvalidValue(
            f"the quotes do not match ({error})",
            'put the whole field in quotes and write `""` for a quote in it',
        ) from error
    return [field.strip(" \t") for field in fields]


def spell(kind: str, *fields: str) -> str:
    """Return a row as one line of the file, without its line end.

    Raises `InvalidValue` when a field could not be read back as it is.
    """
    line = ", ".join([kind, *map(_quote, fields)])
    if kind in _KINDS and _PLAIN.fullmatch(line) and len(line) <= MAX_LINE:
        return line  # there is nothing in it that is not read as it is
    row = _read_line(line, Origin("", 0))
    if row is None or row.kind != kind or row.fields != fields:
        raise InvalidValue(
            f"{fields!r} cannot be written as one line of a policy",
            "remove what cannot stand in one line",
        )
    return line


def _quote(field: str) -> str:
    if "," in field or '"' in field:
        return '"' + field.replace('"', '""') + '"'
    return field


def spell_rule(rule: Rule) -> str:
    """Return *rule* as a line of the file."""
    fields = rule.fields
    return spell("p", *(fields[:-1] if rule.effect == "allow" else fields))


def spell_grant(grant: Grant) -> str:
    """Return *grant* as a line of the file."""
    return spell("g", *grant.fields)


def spelled(rules: Iterator[Rule], grants: Iterator[Grant]) -> str:
    """Return *rules* and *grants* as the text of a file."""
    lines = [*map(spell_rule, rules), *map(spell_grant, grants)]
    return "".join(f"{line}\n" for line in lines)
