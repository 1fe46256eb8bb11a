"""One operation of the API, declared: what it takes, gives and requires."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from authz.admin.context import Actor, AdminContext
from authz.admin.reach import reach_of
from authz.scope import ScopeSet
from authz.web.api.schema import Schema

KILOBYTE: Final = 1024


class Match(Enum):
    """What `If-Match` an operation asks for (RFC 9110, 13.1.1)."""

    #: None.
    NONE = "none"
    #: The etag of the state that was seen.
    SEEN = "seen"
    #: The same, or `*` for whatever the state is: for what only adds.
    ANY = "any"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, checked against the declaration of its operation."""

    context: AdminContext
    actor: Actor
    #: The parts of the path that the operation names.
    parts: Mapping[str, str]
    query: Mapping[str, Any]
    #: The body, or an empty object if the operation takes none.
    body: Mapping[str, Any]
    #: The etag in `If-Match`; `*`, or empty if the operation asks for none.
    match: str

    @property
    def reach(self) -> ScopeSet:
        """The scopes that whoever calls administers."""
        return reach_of(self.context, self.actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What an operation answers."""

    document: Any = None
    status: int = 200
    #: The etag of the state that the document shows.
    etag: str = ""
    #: Where what was made is found, below the API.
    location: str = ""
    #: A text instead of a document.
    text: str | None = None
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    #: As Flask spells it, below the API: `/rules/<id>`.
    path: str
    summary: str
    run: Callable[[Call], Reply]
    #: What the parts of the path are.
    parts: Mapping[str, Schema] = field(default_factory=dict)
    query: Mapping[str, Schema] = field(default_factory=dict)
    #: The parameters of the query that must be given.
    needed: tuple[str, ...] = ()
    #: None: it takes no body.
    body: Schema | None = None
    #: The schema of each good answer by its status; None: no document.
    answers: Mapping[int, Schema | None]
    #: Content types of answers other than JSON.
    other_types: tuple[str, ...] = ()
    #: Whether good answers carry an `ETag`.
    has_etag: bool = False
    match: Match = Match.NONE
    #: The errors it can answer beside those that follow from the rest.
    errors: tuple[int, ...] = ()
    max_body: int = 64 * KILOBYTE
    #: What it is about, for whoever reads the list of all; see `resources`.
    tag: str = ""

    @property
    def changes(self) -> bool:
        """Whether it may change something."""
        return self.method != "GET"
