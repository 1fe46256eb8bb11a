"""A policy to begin with, made of the routes of an app: what is unclear stays closed.

It guesses from methods and names, so it says what it guessed, and leaves to a person
what a name cannot tell: every route that changes something, and every one that may.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import product
from typing import Final

from authz.decision import SAFE_METHODS
from authz.policy.csv_rows import spell
from authz.policy.lint.exposure import enters
from authz.policy.path_text import spell_path
from authz.policy.patterns import METHODS, PathPattern, in_order
from authz.policy.route_tables import PARAMETER, RoutePattern
from authz.policy.starters import Starter, starter_files


class _Kind(Enum):
    """What a route looks like, and the words above its lines."""

    PUBLIC = (
        "For everyone, signed in or not: assets, and whether the app is up.\n"
        "# Nothing else here shows anything to strangers."
    )
    READ = (
        "Pages and API for users. By its method, each line shows something and\n"
        "# changes nothing: take out what not every user should see."
    )
    WIDE = (
        "Closed, because each matches more than its own route, as the line above it\n"
        "# says: better write out the paths that are meant."
    )
    SOCKET = (
        "WebSockets: what is sent over them may change anything. Take the `#` away if\n"
        "# users should have them."
    )
    CHANGE = (
        "These change something. Nobody but administrators may use them until you\n"
        "# take the `#` away from a line."
    )
    UNCLEAR = (
        "Closed, because their names sound like administration, heavy work or other\n"
        "# people's data. Take the `#` away if users should have them."
    )
    SIGN_IN = (
        "The app seems to have a sign-in of its own. authz brings one, at\n"
        "# /authz/sign-in: decide which of them stays."
    )
    UNWRITABLE = (
        "No pattern of a policy matches these and nothing more: write them by hand if\n"
        "# anybody but administrators should have them (docs: write rules)."
    )


_PUBLIC: Final = re.compile(
    r"/(static(/.*)?|health[\w.-]*|ping|ready\w*|live\w*|favicon\.ico|robots\.txt"
    r"|manifest(\.json|\.webmanifest)?|(assets|css|js|img|images|fonts)/.*"
    r"|api/health\w*)"
)
_SIGN_IN: Final = frozenset(
    {"login", "logout", "signin", "signout", "sign-in", "sign-out", "auth", "oauth"}
)
_UNCLEAR: Final = frozenset(
    {
        *("admin", "administration", "analyse", "analysis", "analyze", "backup"),
        *("backups", "clean", "cleanup", "cluster", "clustering", "config"),
        *("configuration", "cron", "dashboard", "debug", "delete", "download"),
        *("dump", "export", "import", "install", "internal", "job", "jobs"),
        *("key", "keys", "log", "logs", "maintenance", "manage", "metrics"),
        *("password", "passwords", "plugin", "plugins", "purge", "queue"),
        *("reset", "restart", "restore", "run", "scan", "secret", "secrets"),
        *("session", "sessions", "settings", "setup", "shutdown", "start"),
        *("status", "stop", "sync", "system", "task", "tasks", "token", "tokens"),
        *("update", "upgrade", "upload", "user", "users", "worker", "workers"),
    }
)


#: Below what the pages of authz are.
_PREFIX: Final = "/authz"
#: Files, as Flask serves them for an app, and for blueprints with a folder of them.
_FILES: Final = re.compile(r"(?:.*\.)?static")
#: So many paths are written out for a parameter that is one of a few words.
_WRITTEN_OUT: Final = 8


def files_for(
    routes: Sequence[RoutePattern], sockets: Collection[str] = ()
) -> Mapping[str, str]:
    """Return the text of each file that suits *routes*, by the name to write it under.

    Args:
        routes: The app's own, none of authz.
        sockets: Those of them that are WebSockets, as the router spells them.
    """
    kinds = {route: _kind(route, sockets) for route in routes}
    closed = [r for r in routes if kinds[r] in {_Kind.UNCLEAR, _Kind.SOCKET}]
    found: dict[_Kind, dict[str, list[str]]] = {kind: {} for kind in _Kind}
    remarks: dict[str, str] = {}
    for route, kind in kinds.items():
        places = _places(route.route) if route.method in METHODS else []
        for place in places or [route.route]:
            here = kind if places else _Kind.UNWRITABLE
            if here in {_Kind.PUBLIC, _Kind.READ}:
                remark = _also(PathPattern.of(place), route.method, closed)
                if remark:
                    remarks[place], here = remark, _Kind.WIDE
            methods = found[here].setdefault(place, [])
            if route.method not in methods:
                methods.append(route.method)
    return {
        "policy.csv": "\n".join(_policy(found, remarks)) + "\n",
        "policy_test.yaml": "\n".join(_tests(found)) + "\n",
        ".env.example": starter_files(Starter.FAMILY)[".env.example"],
    }


def _kind(route: RoutePattern, sockets: Collection[str]) -> _Kind:
    reads = route.method in SAFE_METHODS
    if route.route in sockets:
        return _Kind.SOCKET
    if reads and (
        route.public
        or _PUBLIC.fullmatch(route.route)
        or (
            _FILES.fullmatch(route.endpoint)
            and route.route.endswith("/<path:filename>")
        )
    ):
        return _Kind.PUBLIC
    words = set(re.split(r"[/_.-]|(?<=[a-z])(?=[A-Z])", PARAMETER.sub("", route.route)))
    words = {word.lower() for word in words} | set(route.route.lower().split("/"))
    if words & _SIGN_IN:
        return _Kind.SIGN_IN
    if words & _UNCLEAR:
        return _Kind.UNCLEAR
    return _Kind.READ if reads else _Kind.CHANGE


def _is_exact(route: str) -> bool:
    """Return whether a pattern of a policy matches what *route* serves, and no more."""
    segments = route.split("/")
    for position, segment in enumerate(segments):
        parameter = PARAMETER.fullmatch(segment)
        if parameter is None and PARAMETER.search(segment):
            return False
        if parameter and parameter[1] == "path" and position < len(segments) - 1:
            return False
    return True


def _places(route: str) -> list[str]:
    """Return the patterns of a policy for *route*; none if it has none of its own."""
    if not _is_exact(route):
        return []
    choices = [_choices(segment) for segment in route.split("/")]
    found = ["/".join(parts) for parts in product(*choices)]
    if any(PathPattern.problem(place) for place in found):
        return []
    return found


def _choices(segment: str) -> list[str]:
    """Return how a pattern spells one *segment* of a route."""
    parameter = PARAMETER.fullmatch(segment)
    if parameter is None:
        return [spell_path(f"/{segment}")[1:]]
    converter, arguments, name = parameter.groups()
    if converter == "any" and arguments:
        words = [word.strip(" '\"") for word in arguments.split(",")]
        if len(words) <= _WRITTEN_OUT:
            return words
    return ["*"] if converter == "path" else [f":{name}"]


def _also(
    place: PathPattern, method: str, closed: Iterable[RoutePattern]
) -> str | None:
    """Return what *place* matches that its route does not serve, if that matters."""
    if enters(place, _PREFIX):
        return f"also what is below {_PREFIX}/, where the pages of authz are"
    for route in closed:
        if route.method == method and route.sample_in(place) is not None:
            return f"also {route.method} {route.route}, which is closed below"
    return None


def _policy(
    found: Mapping[_Kind, Mapping[str, list[str]]], remarks: Mapping[str, str]
) -> Iterator[str]:
    yield "# Made from the routes of the app. Read it once, and decide what is marked."
    yield "#"
    yield "#   p, who, path, method            allows"
    yield "#   p, who, path, method, deny      refuses, whatever else allows"
    yield "#   g, who, role                    gives a role"
    yield "#"
    yield "# Nothing is allowed that no line allows. `flask authz routes` lists who may"
    yield "# use each route, `authz test` runs policy_test.yaml."
    for kind in _Kind:
        if not found[kind]:
            continue
        yield ""
        yield f"# {kind.value}"
        who = "role:everyone" if kind is _Kind.PUBLIC else "role:user"
        mark = "" if kind in {_Kind.PUBLIC, _Kind.READ} else "# "
        for place, methods in found[kind].items():
            if kind is _Kind.WIDE:
                yield f"#   {remarks[place]}:"
            if kind is _Kind.UNWRITABLE:
                yield f"#   {'|'.join(in_order(methods))} {place}"
            else:
                line = spell("p", who, place, "|".join(in_order(methods)))
                yield f"{mark}{line}"
    yield ""
    yield "# Whoever administers: everything."
    yield "p, role:admin, /*, *"
    yield ""
    yield "# Accounts come from AUTHZ_ADMIN and AUTHZ_USER. Groups of a sign-in proxy:"
    yield "# g, group:admins, role:admin"
    yield "# g, group:family, role:user"


def _tests(found: Mapping[_Kind, Mapping[str, list[str]]]) -> Iterator[str]:
    yield "# What the policy promises. `authz test` asks it, for each of these people."
    yield "people:"
    yield "  bob: {roles: [user]}"
    yield "  anna: {roles: [admin]}"
    yield ""
    yield "tests:"
    public, read = _requests(found[_Kind.PUBLIC]), _requests(found[_Kind.READ])
    kinds = (_Kind.SOCKET, _Kind.CHANGE, _Kind.UNCLEAR)
    closed = [request for kind in kinds for request in _requests(found[kind])]
    yield "  - name: strangers see what is for everyone, and nothing else"
    yield "    as: anonymous"
    if public:
        yield from _list("allow", public)
    yield from _list("deny", ["* /authz/admin/**", *read, *closed])
    if read:
        yield ""
        yield "  - name: users see the app"
        yield "    as: bob"
        yield from _list("allow", read)
    yield ""
    yield "  - name: users change and administer nothing that was not decided yet"
    yield "    as: bob"
    yield from _list("deny", ["* /authz/admin/**", *closed])
    yield ""
    yield "  - name: administrators may do everything"
    yield "    as: anna"
    yield from _list("allow", ["GET /authz/admin/**", *read, *closed])


def _requests(places: Mapping[str, list[str]]) -> list[str]:
    return [
        f"{'|'.join(in_order(methods))} {re.sub(r'/[*]$', '/**', place)}"
        for place, methods in places.items()
    ]


def _list(word: str, requests: list[str]) -> Iterator[str]:
    yield f"    {word}:"
    for request in requests:
        yield f'      - "{request}"'
