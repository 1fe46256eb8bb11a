"""Changes of a draft as a person reads them: what goes and what comes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from authz.admin.changes import Draft
from authz.decision import Grant, Origin, Rule
from authz.errors import PolicyError
from authz.policy.csv_rows import Row, read_rows
from authz.policy.records import Add, Change, Remove, Replace, Switch
from authz.policy.rules import without_scope
from authz.policy.written_rule import WrittenRule

_SHOWN = Origin("")
_EFFECT_FIELD = 3


class Sign(StrEnum):
    """What becomes of a rule or grant, as the word that stands before it."""

    ADDED = "Added"
    REMOVED = "Removed"
    DISABLED = "Disabled"
    ENABLED = "Enabled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A rule or grant, and what becomes of it."""

    sign: Sign
    #: The one of them that it is; both None if it cannot be read.
    rule: Rule | None = None
    grant: Grant | None = None
    #: As a line of a policy file.
    text: str = ""
    note: str = ""
    #: The number of the change in the draft, from 0.
    index: int = 0

    @property
    def comes(self) -> bool:
        """Whether it decides afterwards."""
        return self.sign in {Sign.ADDED, Sign.ENABLED}


def draft_lines(draft: Draft) -> Iterator[Line]:
    """Yield what the changes of *draft* do, line by line."""
    about = dict(draft.about)
    for index, change in enumerate(draft.changes):
        yield from _lines(change, about, index)


def text_lines(added: Sequence[str], removed: Sequence[str]) -> Iterator[Line]:
    """Yield lines of a policy file that went and came."""
    for text in removed:
        yield _of_text(text, Sign.REMOVED)
    for text in added:
        yield _of_text(text, Sign.ADDED)


def _lines(change: Change, about: dict[str, str], index: int) -> Iterator[Line]:
    match change:
        case Add():
            yield of_row(change.row, Sign.ADDED, note=change.note, index=index)
        case Replace():
            yield _of_text(about.get(change.id, ""), Sign.REMOVED, index=index)
            yield of_row(change.row, Sign.ADDED, note=change.note, index=index)
        case Remove():
            yield _of_text(about.get(change.id, ""), Sign.REMOVED, index=index)
        case Switch():
            sign = Sign.DISABLED if change.disabled else Sign.ENABLED
            yield _of_text(about.get(change.id, ""), sign, index=index)


def _of_text(text: str, sign: Sign, index: int = 0) -> Line:
    try:
        rows = read_rows(text.encode()).rows
    except PolicyError:
        rows = ()
    if len(rows) != 1:
        return Line(sign=sign, text=text, index=index)
    return of_row(rows[0], sign, text=text, index=index)


def of_row(
    row: Row, sign: Sign, *, text: str = "", note: str = "", index: int = 0
) -> Line:
    """Return the line that *row* makes."""
    rule = grant = None
    fields, scope = without_scope(row)
    if row.kind == "p" and len(fields) >= _EFFECT_FIELD:
        rule = WrittenRule.of_row(row).as_rule(row.origin)
    elif row.kind == "g" and len(fields) >= 2:  # noqa: PLR2004 - member and role
        grant = Grant(member=fields[0], role=fields[1], origin=_SHOWN, scope=scope)
    text = text or ", ".join((row.kind, *row.fields))
    return Line(sign=sign, rule=rule, grant=grant, text=text, note=note, index=index)
