"""The stand-in behind the adapter, and people who call it."""

import contextlib
import importlib
import inspect
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any
from urllib.parse import urlencode

from authz_audiomuse import release
from authz_audiomuse.attach import attach
from authz_audiomuse.host import Host, import_host
from flask import Flask

from authz.extension import get_authz
from authz.identity.source import IdentitySource
from tests.web.apps import (
    ALICE,
    BOB,
    CHEAP_ALICE,
    CHEAP_BOB,
    Answer,
    Client,
    RecordingSink,
)

STAND_IN = Path(__file__).with_name("stand_in")
MODULES = (
    "app",
    "app_auth",
    "app_server_context",
    "config",
    "stored",
    "tasks",
    "tasks.mediaserver",
    "tasks.mediaserver.context",
)
#: The token of machines in the stand-in's settings.
TOKEN = "a-token-of-the-app-itself"
#: Local accounts: alice is an administrator, bob a user, eve nothing.
ACCOUNTS = {
    "AUTHZ_ADMIN": "alice",
    "AUTHZ_ADMIN_PASSWORD": CHEAP_ALICE,
    "AUTHZ_USER": "bob",
    "AUTHZ_USER_PASSWORD": CHEAP_BOB,
    "AUTHZ_ACCOUNTS": f"eve:nothing:{CHEAP_BOB}",
}


def _once_for_each(fields_read: Callable[..., set[str]]) -> Callable[..., set[str]]:
    """Have *fields_read* look at the source of a view once.

    The stand-in is imported afresh for each test; its views are the same, to the code.
    """
    known: dict[CodeType, set[str]] = {}

    def read(view: Callable[..., Any]) -> set[str]:
        plain = view
        while hasattr(plain, "view"):  # as authz guards it
            plain = plain.view
        code = getattr(inspect.unwrap(plain), "__code__", None)
        if code is None:
            return fields_read(view)
        if code not in known:
            known[code] = fields_read(view)
        return known[code]

    return read


release.fields_read = _once_for_each(release.fields_read)


class Caller(Client):
    """A client that also sends JSON, and bodies of any kind."""

    def json(self, method: str, path: str, value: Any, **headers: str) -> Answer:
        """Send *value* as JSON."""
        return self.body(
            method, path, json.dumps(value).encode(), "application/json", **headers
        )

    def body(
        self, method: str, path: str, data: bytes, kind: str, **headers: str
    ) -> Answer:
        """Send *data* as it is."""
        return self(
            method,
            path,
            environ={
                "wsgi.input": BytesIO(data),
                "CONTENT_LENGTH": str(len(data)),
                "CONTENT_TYPE": kind,
            },
            **headers,
        )


@dataclass
class Rig:
    """The guarded stand-in."""

    host: Host
    app: Flask
    sink: RecordingSink

    def stranger(self) -> Caller:
        """Return somebody who has not signed in."""
        return Caller(self.app)

    def signed_in(self, name: str) -> Caller:
        """Return one of the accounts, signed in."""
        caller = Caller(self.app)
        password = ALICE if name == "alice" else BOB
        assert caller.sign_in(name, password).status == 303
        return caller


@contextlib.contextmanager
def imported(environ: Mapping[str, Any]) -> Iterator[Host]:
    """Import the stand-in afresh, as a server that is started in its folder would."""
    kept = {name: sys.modules.pop(name, None) for name in MODULES}
    sys.path.insert(0, str(STAND_IN))
    importlib.invalidate_caches()
    try:
        import_config(environ)
        yield import_host()
    finally:
        sys.path.remove(str(STAND_IN))
        for name, module in kept.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


def import_config(environ: Mapping[str, Any]) -> ModuleType:
    """Import the settings of the stand-in, some of which its set-up page stored."""
    importlib.import_module("stored").VALUES.update(environ)
    return importlib.import_module("config")


@contextlib.contextmanager
def guarded(
    host: Mapping[str, Any] | None = None,
    plugins: tuple[str, ...] = (),
    sources: Iterable[IdentitySource] = (),
    environ: Mapping[str, str] | None = None,
    database_is_late: bool = False,
    **settings: str,
) -> Iterator[Rig]:
    """Put the stand-in behind the adapter. *host* is what its set-up page stored.

    *sources* are asked before the session cookie, as a proxy's are; *environ* is what
    the adapter sees of the environment. A database that *is late* answers after the
    stand-in was imported.
    """
    sink = RecordingSink()
    with imported({"API_TOKEN": TOKEN, **(host or {})}) as found:
        if database_is_late:
            sys.modules["stored"].REACHABLE = False  # type: ignore[attr-defined]
            found.config.refresh_config()
            sys.modules["stored"].REACHABLE = True  # type: ignore[attr-defined]
        for plugin in plugins:
            sys.modules["app"].install_plugin(plugin)
        found.app.config.update(settings)
        app = attach(found, audit=sink, sources=sources, environ=environ or {})
        try:
            yield Rig(found, app, sink)
        finally:
            get_authz(app).runtime.poller.close()


@contextlib.contextmanager
def policy_file(policy: str) -> Iterator[str]:
    """Write *policy* into a file and give its name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.csv"
        path.write_text(policy, encoding="utf-8")
        yield str(path)


def form(values: Mapping[str, str]) -> bytes:
    """Return *values* as a browser sends a form."""
    return urlencode(values).encode()
