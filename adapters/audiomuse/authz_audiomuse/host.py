"""AudioMuse-AI as this adapter finds it: what it relies on, and whether it is there.

Nothing of the app is changed here. If a release moved what the adapter takes hold of,
the app does not start: a guard that holds on to nothing would let everybody in.
"""

import importlib
import inspect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, Final

from flask import Flask

from authz import AuthzError, Problem

#: The app's own sign-in: path, method and endpoint.
SIGN_IN_ROUTES: Final = (
    ("/login", "GET", "login_page"),
    ("/auth", "POST", "auth_endpoint"),
    ("/logout", "POST", "logout_endpoint"),
)
#: What the barrier must ask at the moment of each request, by these names.
_GATES: Final = ("check_setup_needed", "check_auth_needed", "check_admin_needed")
_SWITCHES: Final = ("API_TOKEN", "AUTH_ENABLED")
_MEND: Final = (
    "this release of AudioMuse-AI is not known to authz-audiomuse; install a newer "
    "authz-audiomuse, or the release of AudioMuse-AI that ran before"
)


class HostChanged(AuthzError):
    """AudioMuse-AI is not as this adapter knows it, so it is not started."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        #: All problems, in the order in which they were found.
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The imported app, and the modules of it that matter here."""

    #: The Flask app; `check_host` makes sure that it is one.
    app: Any
    #: `app_auth`: the barrier and what it asks.
    auth: ModuleType
    #: `config`: read at the moment of use, because the set-up page changes it.
    config: ModuleType
    #: `app_server_context`: knows the default music server. None if there is none.
    servers: ModuleType | None = None
    #: `tasks.mediaserver.context`: asked in which account it acts. None likewise.
    media: ModuleType | None = None


def import_host() -> Host:
    """Import AudioMuse-AI from the folder the server was started in.

    Raises:
        HostChanged: if it cannot be found, or is not as it should be.
    """
    try:
        app, auth, config = map(importlib.import_module, ("app", "app_auth", "config"))
    except ModuleNotFoundError as error:
        if error.name not in {"app", "app_auth", "config"}:
            raise
        raise HostChanged(
            [
                Problem(
                    where=str(error.name),
                    message="AudioMuse-AI cannot be found here",
                    hint="start the server in the folder that holds its `app.py`",
                )
            ]
        ) from error
    host = Host(
        app=getattr(app, "app", None),
        auth=auth,
        config=config,
        servers=_optional("app_server_context"),
        media=_optional("tasks.mediaserver.context"),
    )
    check_host(host)
    return host


def _optional(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        # The package it would be in may be missing too; anything else is a fault.
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        return None


def check_host(host: Host) -> None:
    """Raise `HostChanged`, with every problem, unless *host* can be guarded."""
    problems = tuple(_problems(host))
    if problems:
        raise HostChanged(problems)


def _problems(host: Host) -> Iterator[Problem]:
    if not isinstance(host.app, Flask):
        yield _problem("app.app", "there is no Flask app")
        return
    barrier = getattr(host.auth, "auth_setup_barrier", None)
    if not isinstance(barrier, FunctionType):
        yield _problem("app_auth.auth_setup_barrier", "there is no such function")
    else:
        yield from _barrier_problems(host, barrier)
    check = getattr(host.auth, "check_auth_needed", None)
    if check is not None and not _takes_one(check):
        yield _problem("app_auth.check_auth_needed", "it takes other arguments")
    for name in _SWITCHES:
        if not hasattr(host.config, name):
            yield _problem(f"config.{name}", "there is no such setting")
    for path, method, endpoint in SIGN_IN_ROUTES:
        found = {
            rule.endpoint
            for rule in host.app.url_map.iter_rules()
            if rule.rule == path and method in (rule.methods or ())
        }
        if found != {endpoint}:
            yield _problem(
                f"{method} {path}",
                f"it leads to {_listed(found)} and not to `{endpoint}`",
            )


def _barrier_problems(host: Host, barrier: FunctionType) -> Iterator[Problem]:
    where = "app_auth.auth_setup_barrier"
    hooks: list[Any] = host.app.before_request_funcs.get(None, [])
    if hooks.count(barrier) != 1:
        yield _problem(where, "the app does not run it before each request")
    if barrier.__globals__ is not vars(host.auth):
        yield _problem(where, "it belongs to another module")
    for name in _GATES:
        if not callable(getattr(host.auth, name, None)):
            yield _problem(f"app_auth.{name}", "there is no such function")
        elif name not in barrier.__code__.co_names:
            yield _problem(where, f"it does not ask `{name}`")


def _takes_one(check: Any) -> bool:
    try:
        inspect.signature(check).bind("secret")
    except (TypeError, ValueError):
        return False
    return True


def _listed(endpoints: set[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(endpoints)) or "nothing"


def _problem(where: str, message: str) -> Problem:
    return Problem(where=where, message=message, hint=_MEND)
