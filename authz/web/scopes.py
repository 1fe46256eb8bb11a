"""What a request is about: its scope, read where its route declares it.

The string that is decided is the string that the app will use. What is missing, doubled
or malformed, is of another kind, or differs between two places is refused with 400; it
is never taken for a request about none in particular.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, Request
from werkzeug.exceptions import HTTPException

from authz.decision import Subject
from authz.errors import InvalidValue, MalformedRequest, Problem
from authz.policy.route_tables import RoutePattern, depths_of
from authz.policy.scope_table import (
    APP_SAYS,
    NARROWED,
    DeclaredPath,
    Place,
    ScopeDeclaration,
    declared_for,
    misfits,
)
from authz.scope import AskedScope, Scope, Scopes, asked_scope, texts_of

View = Callable[..., Any]

#: Says what a request is about, where no place of it says so in so many words: what
#: `Authz(scope_of=...)` takes. It is asked once for each request, before the decision.
ScopeOf = Callable[[Request, Subject], AskedScope]

#: What a view function carries that declares its scopes.
DECLARED: Final = "__authz_scopes__"
#: What a view function carries, itself, once it serves a route.
SERVES: Final = "__authz_serves__"
#: A body that a scope is read from is held in memory; in bytes.
MAX_BODY: Final = 1024 * 1024


def scoped(  # noqa: PLR0913 - one for each place
    kind: str,
    *,
    path: str = "",
    query: str = "",
    json: str = "",
    form: str = "",
    header: str = "",
    host: bool = False,
    several: bool = False,
    narrowed: bool = False,
) -> Callable[[View], View]:
    """Declare that requests to a view are about a scope of *kind*, and where it stands.

        @app.get("/api/libraries/<library>/tracks")
        @authz.scoped("library", path="library")
        def tracks(library): ...

    One of the places must have it; several must agree. A view may be about scopes of
    several kinds, by several declarations: it is allowed if it is for each.

    Args:
        kind: What kind of scope: `library`.
        path: The parameter of the route that is the scope's id.
        query: The field of the query string.
        json: The field of a JSON object.
        form: The field of a form.
        header: The header.
        host: Whether it is the host that is asked, without its port.
        several: Whether the field may stand there several times (in JSON: be a list);
            the request is then allowed if it is for each.
        narrowed: Instead of a place: requests name none, and the view shows and
            changes only what `authz.scopes` says is the visitor's, or nothing that
            belongs to a scope of *kind*.

    Raises:
        InvalidValue: if *kind* is none, no place is given, or a place beside
            *narrowed*.
    """
    named = {"path": path, "query": query, "json": json, "form": form, "header": header}
    places = [Place(source, name) for source, name in named.items() if name]
    declaration = ScopeDeclaration(
        kind=kind,
        places=(
            *places,
            *([Place("host")] if host else []),
            *([Place(NARROWED)] if narrowed else []),
        ),
        several=several,
    )

    def declare(view: View) -> View:
        if hasattr(view, "__self__"):
            # The mark would be on the function that every other object shares.
            raise TypeError("declare the function, not the method of one object")
        if getattr(view, SERVES, None) is view:
            # Nobody would see it: what a route is about is known from its beginning.
            raise TypeError("declare the scope below the route, not above it")
        setattr(view, DECLARED, (declaration, *getattr(view, DECLARED, ())))
        return view

    return declare


class RequestScopes:
    """Says what requests of an app are about."""

    def __init__(
        self,
        by_endpoint: Mapping[str, Sequence[ScopeDeclaration]],
        table: Sequence[DeclaredPath],
        *,
        scope_of: ScopeOf | None = None,
        reads_bodies: bool = True,
    ) -> None:
        """Know what views declare, the *table* of paths, and the app's own *scope_of*.

        *reads_bodies* says whether a body is there to be read; without, a request whose
        scope stands there is refused.
        """
        self._scope_of = scope_of
        #: What views declare, by the endpoint; it may grow.
        self.by_endpoint = by_endpoint
        #: Whether something is declared whatever views declare.
        self.always = bool(table) or scope_of is not None
        self._table = table
        self._reads_bodies = reads_bodies
        #: The routes of the app, once all are known.
        self._routes: Callable[[], Sequence[RoutePattern]] = tuple
        self._tell: Callable[[Problem], None] | None = None

    def look_at(
        self,
        routes: Callable[[], Sequence[RoutePattern]],
        tell: Callable[[Problem], None],
    ) -> None:
        """Hold what is declared to *routes*, and *tell* once what fits none of them.

        That is at the first request: before it an app may add routes.
        """
        self._routes, self._tell = routes, tell

    def __bool__(self) -> bool:
        """Return whether anything is declared."""
        return bool(self.by_endpoint or self.always)

    @property
    def ask_the_app(self) -> bool:
        """Whether the app says of each request, and only of one, what it is about."""
        return self._scope_of is not None

    def misfits(self) -> tuple[Problem, ...]:
        """Return what is declared for no route that the app has."""
        routes = self._routes()
        if not routes:
            return ()
        return tuple(misfits(self._table, self.by_endpoint, routes))

    def told(self, endpoint: str, method: str, path: str) -> tuple[str, ...]:
        """Return what is declared for a route in words, for an administrator.

        *path* is a sample of it. Nothing, if nothing is for some other path of it.
        """
        found = [self.declared(endpoint, method, each) for each in depths_of(path)]
        declared = tuple(map(str, found[0] if all(found) else ()))
        return (*declared, APP_SAYS) if self._scope_of else declared

    def declared(
        self, endpoint: str, method: str, path: str
    ) -> tuple[ScopeDeclaration, ...]:
        """Return what is declared for a request."""
        lines = declared_for(self._table, method, path)
        return (
            *self.by_endpoint.get(endpoint, ()),
            *(line.declaration for line in lines),
        )

    def of(self, request: Request, subject: Subject) -> AskedScope:
        """Return what *request* of *subject*, which is matched, is about.

        Raises:
            MalformedRequest: if that cannot be read in exactly one way.
        """
        if self._tell is not None:
            tell, self._tell = self._tell, None
            for problem in self.misfits():
                tell(problem)
        rule, ids = request.url_rule, _Ids()
        for declared in self.by_endpoint.get(rule.endpoint, ()) if rule else ():
            self._read(ids, declared, request)
        for line in declared_for(self._table, request.method, request.path):
            self._read(ids, line.declaration, request, line)
        if self._scope_of is not None:
            ids.add_named(self._named(self._scope_of, request, subject))
        return ids.scope()

    def _read(
        self,
        ids: "_Ids",
        declared: ScopeDeclaration,
        request: Request,
        line: DeclaredPath | None = None,
    ) -> None:
        """Add to *ids* what *request* names where it is *declared*."""
        if declared.narrowed:
            return
        arguments = request.view_args or {}
        for place in declared.places:
            if place.source != "path":
                ids.add(declared, self._values(request, place, declared))
                continue
            if line is not None:
                ids.add(declared, (line.segment(request.path, place.name),))
            if place.name in arguments:
                ids.add(declared, (str(arguments[place.name]),))
        ids.need(declared)

    def of_path(self, app: Flask | None, method: str, path: str) -> AskedScope:
        """Return what a request for *path* would be about, as far as the path tells.

        To *app*; None is one whose routes are not known.
        """
        texts: list[str] = []
        endpoint: str = ""
        arguments: Mapping[str, Any] = {}
        if app is not None:
            with suppress(HTTPException):
                endpoint, arguments = app.url_map.bind("").match(path, method)
        for declared in self.by_endpoint.get(endpoint, ()):
            texts += [
                f"{declared.kind}:{arguments[place.name]}"
                for place in declared.places
                if place.source == "path" and place.name in arguments
            ]
        for line in declared_for(self._table, method, path):
            texts += [
                f"{line.declaration.kind}:{line.segment(path, place.name)}"
                for place in line.declaration.places
                if place.source == "path"
            ]
        return asked_scope(texts)

    def _named(
        self, scope_of: ScopeOf, request: Request, subject: Subject
    ) -> AskedScope:
        if not self._reads_bodies and _has_body(request):
            raise MalformedRequest("scope-in-body")  # it may look there
        try:
            named = scope_of(request, subject)
        except InvalidValue:
            raise MalformedRequest("scope-malformed") from None
        if named is not None and not isinstance(named, Scope | Scopes):
            # Anything else could be taken for "about none in particular".
            raise TypeError(f"`scope_of` returned {named!r:.80}, which is no scope")
        return named

    def _values(
        self, request: Request, place: Place, declared: ScopeDeclaration
    ) -> Sequence[str]:
        if place.source == "query":
            return request.args.getlist(place.name)
        if place.source == "header":
            return _header(request, place.name)
        if place.source == "host":
            return _host(request)
        if not self._reads_bodies:
            raise MalformedRequest("scope-in-body")
        if place.source == "json":
            return tuple(_json(request, place.name, lists=declared.several))
        if request.mimetype == "application/x-www-form-urlencoded":
            _body(request)  # the app may want it again
        return request.form.getlist(place.name)


class _Ids:
    """The scopes found in one request."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, ...]] = {}
        self._kinds: set[str] = set()

    def add(self, declared: ScopeDeclaration, values: Sequence[str]) -> None:
        if not values:
            return
        self._kinds.add(declared.kind)
        ids = tuple(values)
        if len(ids) > 1 and not declared.several:
            raise MalformedRequest("scope-doubled")
        if self._found.setdefault(declared.kind, ids) != ids:
            raise MalformedRequest("scope-contradicts")

    def add_named(self, named: AskedScope) -> None:
        """Add what the app itself says; what a place says too must be the same."""
        found: dict[str, tuple[str, ...]] = {}
        for text in texts_of(named):
            kind, _, id_ = text.partition(":")
            found[kind] = (*found.get(kind, ()), id_)
        for kind, ids in found.items():
            if set(self._found.setdefault(kind, ids)) != set(ids):
                raise MalformedRequest("scope-contradicts")

    def need(self, declared: ScopeDeclaration) -> None:
        if declared.kind not in self._found:
            raise MalformedRequest("scope-missing")

    def scope(self) -> AskedScope:
        texts = []
        for kind, ids in self._found.items():
            for each in ids:
                if each.partition(":")[0] in self._kinds and ":" in each:
                    raise MalformedRequest("scope-kind")
                texts.append(f"{kind}:{each}")
        try:
            return asked_scope(texts)
        except InvalidValue:
            raise MalformedRequest("scope-malformed") from None


def _header(request: Request, name: str) -> Sequence[str]:
    value = request.headers.get(name)
    if value is None:
        return ()
    if "," in value or not value.isascii():
        # A server joins a header that came twice with a comma.
        raise MalformedRequest("scope-doubled" if "," in value else "scope-malformed")
    return (value,)


def _host(request: Request) -> Sequence[str]:
    try:
        name = urlsplit(f"//{request.host}").hostname
    except ValueError:
        name = None
    if not name or name.endswith("."):
        raise MalformedRequest("scope-malformed")
    return (name,)


def _has_body(request: Request) -> bool:
    return bool(request.content_length) or "HTTP_TRANSFER_ENCODING" in request.environ


def _body(request: Request) -> bytes:
    length = request.content_length
    if length is None or length > MAX_BODY:
        raise MalformedRequest("scope-body")
    return request.get_data(cache=True, parse_form_data=False)


def _json(request: Request, name: str, *, lists: bool) -> Iterator[str]:
    if not request.is_json:
        if request.mimetype in {"", "text/plain"} and _has_body(request):
            # An app may take it for JSON all the same (`force=True`).
            raise MalformedRequest("scope-body")
        return
    try:
        found = json.loads(_body(request), object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        raise MalformedRequest("scope-malformed") from None
    if not isinstance(found, dict):
        raise MalformedRequest("scope-malformed")
    if name not in found:
        return
    value = found[name]
    listed = value if lists and isinstance(value, list) else [value]
    if not listed:
        raise MalformedRequest("scope-missing")
    for each in listed:
        # A number is what the app will spell as we do; `true` is one to Python.
        if isinstance(each, bool) or not isinstance(each, str | int):
            raise MalformedRequest("scope-malformed")
        yield str(each)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found
