"""A policy to begin with, made of the routes of an app: what is unclear stays closed.

It guesses from methods and names, so it says what it guessed, and leaves to a person
what a name cannot tell: every route that changes something, and every one that may.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Final

from authz.decision import SAFE_METHODS
from authz.policy.csv_rows import spell
from authz.policy.patterns import in_order
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


def files_for(routes: Iterable[RoutePattern]) -> Mapping[str, str]:
    """Return the text of each file that suits *routes*, by the name to write it under.

    Args:
        routes: The app's own, none of authz.
    """
    found = _by_kind(routes)
    return {
        "policy.csv": "\n".join(_policy(found)) + "\n",
        "policy_test.yaml": "\n".join(_tests(found)) + "\n",
        ".env.example": starter_files(Starter.FAMILY)[".env.example"],
    }


def _by_kind(routes: Iterable[RoutePattern]) -> dict[_Kind, dict[str, list[str]]]:
    """Return, for each kind, the methods of each path."""
    found: dict[_Kind, dict[str, list[str]]] = {kind: {} for kind in _Kind}
    for route in routes:
        place = _place(route.route)
        methods = found[_kind(route)].setdefault(place, [])
        if route.method not in methods:
            methods.append(route.method)
    return found


def _kind(route: RoutePattern) -> _Kind:
    if not _is_exact(route.route):
        return _Kind.UNWRITABLE
    reads = route.method in SAFE_METHODS
    if reads and (route.public or _PUBLIC.fullmatch(route.route)):
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


def _place(route: str) -> str:
    """Return the pattern of a policy for *route*; the route itself if there is none."""
    if not _is_exact(route):
        return route
    return PARAMETER.sub(lambda m: "*" if m[1] == "path" else f":{m[3]}", route)


def _policy(found: Mapping[_Kind, Mapping[str, list[str]]]) -> Iterator[str]:
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
    closed = _requests(found[_Kind.CHANGE]) + _requests(found[_Kind.UNCLEAR])
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
