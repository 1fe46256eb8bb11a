"""What a request to AudioMuse-AI is about, in a policy with scopes.

Its API for people is about one music server: the one that a request names, by `server`
or `server_id` in the query or the JSON; else the default one if it is theirs, else the
first that is. Its pages are about none in particular. Everything else, what is left to
administrators and what nobody has looked at, is about the whole app.

The app would read the server for itself. So what was decided is put where it reads.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlencode

from flask import Flask, Request

from authz import Scope, Subject, get_authz
from authz.integration.web import MalformedRequest
from authz_audiomuse.fields.sent import Unreadable, put_body, put_query, read_sent
from authz_audiomuse.servers import KIND, HostServers, Server, ServersOf

#: The scope of what belongs to no one server.
WHOLE: Final = Scope("app:audiomuse")
#: Stands for a server that the app cannot tell: only who may all servers may this one.
_UNKNOWN: Final = Scope.of(KIND, "?")
#: The fields that name a server. The app takes the first that is not empty.
NAMES: Final = ("server", "server_id")
_APIS: Final = ("/api/", "/chat/api/", "/external/")
#: Left to administrators by the shipped policy, opened by some, and about one server.
_ALSO: Final = frozenset({("/api/sync", "GET"), ("/api/radios/run", "POST")})
#: The list that takes `all` for every server, and songs of no server for a filter.
_BROWSE: Final = "/api/dashboard/browse"
#: What was decided, for `settle`.
_NOTE: Final = "authz_audiomuse.server"


class ServerScope:
    """Says what requests to one app are about: what `Authz(scope_of=...)` takes."""

    def __init__(self, app: Flask, servers: HostServers, listed: ServersOf) -> None:
        """Know the *servers* of *app*, and which are *listed* for people at all."""
        self._app = app
        self._servers = servers
        self._listed = listed
        self._served, self._pages = _known()
        #: The blueprints that belong to authz; it is set once they are there.
        self.own: frozenset[str] = frozenset()

    def __call__(self, request: Request, subject: Subject) -> Scope | None:
        """Return what *request* is about; None for none in particular.

        Raises:
            MalformedRequest: if it names servers that differ, or cannot be read in one
                way only.
            InvalidValue: if what it names is no scope.
        """
        policy, rule = get_authz(self._app).runtime.policy, request.url_rule
        if policy.written is None or not policy.written.scoped or rule is None:
            return None
        method = "GET" if request.method == "HEAD" else request.method
        route = rule.rule, method
        if request.blueprint in self.own or route in self._pages:
            return None
        browses = rule.rule == _BROWSE
        if route not in self._served or (browses and _asks_for_orphans(request)):
            return WHOLE
        ids = get_authz(self._app).hook.may_in(subject, method, request.path).ids(KIND)
        if not ids:
            return _UNKNOWN  # and no body is read for nothing
        asked = set(_named(request))
        named = {e for e in asked if not (browses and e.strip().lower() == "all")}
        if named:
            return self._chosen(request, named)
        every = self._servers.all()
        default = next((each for each in every if each.get("is_default")), None)
        is_admin = "role:admin" in policy.roles_of(subject.names)
        if ids.is_all:
            if default is not None and asked and not is_admin:
                # All of them, and songs of none, are a list of administrators.
                request.environ[_NOTE] = str(default["server_id"])
            return _scope(default)
        theirs = [
            each
            for each in every
            if each["server_id"] in ids
            and (is_admin or self._listed.owns(subject, each))
        ]
        found = default if default in theirs else next(iter(theirs), None)
        if found is not None and len(every) > 1:
            request.environ[_NOTE] = str(found["server_id"])
        return _scope(found)

    def _chosen(self, request: Request, named: set[str]) -> Scope:
        found = {each: self._servers.resolve(each) for each in named}
        scopes = {
            _scope(server) if server else Scope.of(KIND, each)
            for each, server in found.items()
        }
        if len(scopes) > 1:
            raise MalformedRequest("scope-contradicts")
        (server,) = (*found.values(),)[:1]
        if server is not None:
            request.environ[_NOTE] = str(server["server_id"])
        return scopes.pop()


def settle(request: Request) -> None:
    """Let the app read of *request* the server that was decided."""
    server = request.environ.get(_NOTE)
    if server is None:
        return
    kept = [each for each in request.args.items(multi=True) if each[0] not in NAMES]
    put_query(request, urlencode([*kept, (NAMES[0], server)]).encode())
    sent = read_sent(request).json
    if isinstance(sent, dict) and any(name in sent for name in NAMES):
        rest = {name: value for name, value in sent.items() if name not in NAMES}
        put_body(request, json.dumps({**rest, NAMES[0]: server}).encode())


def _scope(server: Server | None) -> Scope:
    return Scope.of(KIND, str(server["server_id"])) if server else _UNKNOWN


def _named(request: Request) -> Iterator[str]:
    """Yield the servers that *request* names, wherever the app might look."""
    for name in NAMES:
        yield from _once(request.args.getlist(name))
    try:
        sent = read_sent(request).json
    except Unreadable as error:
        raise MalformedRequest(str(error)) from None
    if not isinstance(sent, dict):
        return
    for name in NAMES:
        value: Any = sent.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            if value:
                raise MalformedRequest("scope-malformed")
        elif value:
            yield str(value)


def _once(values: Sequence[str]) -> Iterator[str]:
    if len(values) > 1:
        raise MalformedRequest("scope-doubled")
    yield from filter(None, values)


def _asks_for_orphans(request: Request) -> bool:
    return any(
        value.strip().lower() == "orphan" for value in request.args.getlist("filter")
    )


def _known() -> tuple[frozenset[tuple[str, str]], frozenset[tuple[str, str]]]:
    """Return the routes that are about one server, and pages about none."""
    text = files("authz_audiomuse.known").joinpath("routes.csv").read_text("utf-8")
    people = {
        (row["path"], method): row["proposed"] == "user"
        for row in csv.DictReader(text.splitlines())
        for method in row["methods"].split("|")
        if row["proposed"] in {"user", "public"}
    }
    served = frozenset(
        route
        for route, signed_in in people.items()
        if signed_in and route[0].startswith(_APIS)
    )
    return served | _ALSO, frozenset(people) - served
