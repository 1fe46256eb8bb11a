"""What `/rules` and `/grants` have in common: what is done with one row."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from authz.admin import edits
from authz.admin.context import AdminContext
from authz.admin.edits import Edited
from authz.policy.csv_rows import Row
from authz.policy.records import Entry
from authz.scope import ScopeSet
from authz.web.api.operation import Call, Match, Operation, Reply
from authz.web.api.schema import Schema
from authz.web.api.schemas import ID, WHY


class Shown(Protocol):
    """A row as an administrator sees it."""

    @property
    def entry(self) -> Entry | None:
        """What is stored; None for what settings make, which has no id."""
        ...


_Shown = TypeVar("_Shown", bound=Shown)
_Shown_co = TypeVar("_Shown_co", bound=Shown, covariant=True)


class Find(Protocol[_Shown_co]):
    """Looks for a row in the scopes that somebody administers."""

    def __call__(
        self,
        context: AdminContext,
        id: str,  # noqa: A002
        *,
        reach: ScopeSet,
    ) -> tuple[_Shown_co, str]:
        """Return the row *id*, and the etag of the state. Raises `NotFound`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKind(Generic[_Shown]):
    """One kind of row, and the operations on one of them."""

    #: What it is called: `rule`.
    word: str
    #: What each operation does, in a few words.
    to_add: str
    to_get: str
    to_replace: str
    to_remove: str
    #: What a row is in an answer, and in a body.
    schema: Schema
    body: Schema
    find: Find[_Shown]
    #: Makes a row of the body of a call.
    row: Callable[[Call], Row]
    #: Reads what is stored, and shows it.
    of_entry: Callable[[Entry], _Shown]
    document: Callable[[_Shown], Any]

    def operations(self) -> tuple[Operation, ...]:
        """Return what adds a row, and shows, replaces and removes one."""
        every, one = f"/{self.word}s", f"/{self.word}s/<id>"
        return (
            Operation(
                id=f"add_{self.word}",
                method="POST",
                path=every,
                summary=self.to_add,
                run=self._add,
                body=self.body,
                answers={201: self.schema, 200: self.schema},
                has_etag=True,
                match=Match.ANY,
                errors=(404, 409),
            ),
            Operation(
                id=f"get_{self.word}",
                method="GET",
                path=one,
                summary=self.to_get,
                run=self._get,
                parts={"id": ID},
                answers={200: self.schema},
                has_etag=True,
            ),
            Operation(
                id=f"replace_{self.word}",
                method="PUT",
                path=one,
                summary=self.to_replace,
                run=self._replace,
                parts={"id": ID},
                body=self.body,
                answers={200: self.schema},
                has_etag=True,
                match=Match.SEEN,
                errors=(409,),
            ),
            Operation(
                id=f"remove_{self.word}",
                method="DELETE",
                path=one,
                summary=self.to_remove,
                run=self._remove,
                parts={"id": ID},
                query={"why": WHY},
                answers={204: None},
                has_etag=True,
                match=Match.SEEN,
                errors=(409,),
            ),
        )

    def _add(self, call: Call) -> Reply:
        row = self.row(call)
        return self._edited(
            edits.add(call.context, call.actor, row, base=call.match, **_about(call))
        )

    def _get(self, call: Call) -> Reply:
        found, etag = self.find(call.context, call.parts["id"], reach=call.reach)
        return Reply(document=self.document(found), etag=etag)

    def _replace(self, call: Call) -> Reply:
        entry, row = self._entry(call), self.row(call)
        return self._edited(
            edits.replace(
                call.context, call.actor, entry, row, base=call.match, **_about(call)
            )
        )

    def _remove(self, call: Call) -> Reply:
        etag = edits.remove(
            call.context,
            call.actor,
            self._entry(call),
            base=call.match,
            why=call.query.get("why", ""),
        )
        return Reply(status=204, etag=etag)

    def _entry(self, call: Call) -> Entry:
        found, _ = self.find(call.context, call.parts["id"], reach=call.reach)
        assert found.entry is not None  # noqa: S101 - what has an id has an entry
        return found.entry

    def _edited(self, edited: Edited) -> Reply:
        return Reply(
            document=self.document(self.of_entry(edited.entry)),
            status=201 if edited.made else 200,
            etag=edited.etag,
            location=f"/{self.word}s/{edited.entry.id}" if edited.made else "",
        )


def _about(call: Call) -> dict[str, Any]:
    """Return what the body of *call* says about a row beside the row itself."""
    body = call.body
    return {
        "note": body.get("note", ""),
        "disabled": body.get("disabled", False),
        "why": body.get("why", ""),
    }
