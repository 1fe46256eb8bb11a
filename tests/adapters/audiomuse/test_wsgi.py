"""The entry point under gunicorn, in a folder like AudioMuse-AI's, over real HTTP."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest
from authz_audiomuse.music.listed import ServerKind

from tests.adapters.audiomuse.houses import (
    SECRETS,
    Browser,
    House,
    check_what_is_not_bobs,
    music_server,
    people,
    playlist,
    settings,
)
from tests.adapters.audiomuse.rig import STAND_IN, TOKEN

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "adapters" / "audiomuse"
#: Names from the environment of whoever runs the tests would be settings.
CLEAN = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
ACCOUNTS = {
    "AUTHZ_ADMIN": "alice",
    "AUTHZ_ADMIN_PASSWORD": "paper boat harbour",
    "AUTHZ_USER": "bob",
    "AUTHZ_COOKIE_NAME": "authz",
    "AUTHZ_USER_PASSWORD": "correct horse battery",
    "API_TOKEN": TOKEN,
}
pytestmark = pytest.mark.slow


@dataclass
class Server:
    """A gunicorn that runs."""

    port: int

    def __call__(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[HTTPResponse, str]:
        """Send one request; `_` in the name of a header is `-`."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(
                method,
                path,
                body or None,
                {name.replace("_", "-"): value for name, value in headers.items()},
            )
            response = connection.getresponse()
            return response, response.read().decode()
        finally:
            connection.close()


def command(folder: Path, *more: str) -> list[str]:
    """Return how the server is started, as the image does."""
    return [
        sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:0", "--workers", "1",
        "--threads", "8", "--chdir", str(folder), *more, "authz_audiomuse.wsgi:app",
    ]  # fmt: skip


@contextmanager
def serving(tmp_path: Path, **settings: str) -> Iterator[Server]:
    """Start the server in the folder of the stand-in."""
    log = tmp_path / "gunicorn.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            command(STAND_IN),
            cwd=tmp_path,
            # The stand-in makes playlists with the tests' own modules.
            env={**CLEAN, "PYTHONPATH": str(ROOT), **ACCOUNTS, **settings},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        deadline = time.monotonic() + 120
        found = None
        while found is None:
            text = log.read_text("utf-8", "replace")
            found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", text)
            assert process.poll() is None, text
            assert time.monotonic() < deadline, text
            time.sleep(0.05)
        server = Server(int(found[1]))
        while True:
            try:
                if server("GET", "/api/health")[0].status == 200:
                    break
            except OSError:
                pass
            assert process.poll() is None, log.read_text("utf-8", "replace")
            assert time.monotonic() < deadline, log.read_text("utf-8", "replace")
            time.sleep(0.05)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)


def signed_in(server: Server, name: str, password: str) -> str:
    """Sign in with the form and return the cookie."""
    shown, page = server("GET", "/authz/sign-in")
    form = str(shown.getheader("Set-Cookie")).partition(";")[0]
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token
    sent = {"username": name, "password": password, "csrf_token": token[1]}
    answer, _ = server(
        "POST",
        "/authz/sign-in",
        urlencode(sent),
        Content_Type="application/x-www-form-urlencoded",
        Cookie=form,
    )
    assert answer.status == 303
    cookies = answer.headers.get_all("Set-Cookie") or []
    return next(c.partition(";")[0] for c in cookies if c.startswith("authz="))


def test_the_app_behind_the_policy(tmp_path: Path):
    """Strangers, a user, an administrator and a machine, over real HTTP."""
    with serving(tmp_path) as server:
        answer, _ = server("GET", "/map", Accept="text/html")
        assert answer.status == 302
        assert str(answer.getheader("Location")).startswith("/authz/sign-in")
        answer, text = server("GET", "/external/search")
        assert answer.status == 401
        assert json.loads(text)["status"] == 401

        bob = signed_in(server, "bob", ACCOUNTS["AUTHZ_USER_PASSWORD"])
        assert server("GET", "/", Cookie=bob)[0].status == 200
        answer, page = server("GET", "/map", Cookie=bob)
        assert answer.status == 200
        assert "Administration" not in page
        assert server("GET", "/analysis", Cookie=bob)[0].status == 403
        sent = json.dumps(
            {"userInput": "rain", "ollama_server_url": "http://evil.test"}
        )
        chat = "/chat/api/chatPlaylist"
        kind = "application/json"
        _, text = server("POST", chat, sent, Cookie=bob, Content_Type=kind)
        assert json.loads(text)["json"] == {"userInput": "rain"}
        sent = json.dumps({"server": "attic"})
        answer, _ = server("POST", chat, sent, Cookie=bob, Content_Type=kind)
        assert answer.status == 403

        alice = signed_in(server, "alice", ACCOUNTS["AUTHZ_ADMIN_PASSWORD"])
        assert "Administration" in server("GET", "/map", Cookie=alice)[1]
        bearer = f"Bearer {TOKEN}"
        assert server("GET", "/api/sync", Authorization=bearer)[0].status == 200
        assert server("GET", "/api/sync", Authorization=bearer + "x")[0].status == 401


def test_a_house_with_a_music_server(tmp_path: Path):
    """Bob's playlist is in bob's account, carol's in the app's; also after a restart.

    People, roles and accounts are made with the pages' own forms, and are in the
    database.
    """
    alices = ACCOUNTS["AUTHZ_ADMIN_PASSWORD"]
    with music_server(ServerKind.JELLYFIN) as (music, host, line):
        # No account but the first administrator's is in the environment.
        more = {
            **host,
            "AUTHZ_USER": "",
            "AUTHZ_USER_PASSWORD": "",
            **settings(f"sqlite:///{tmp_path}/authz.db", line),
        }
        with serving(tmp_path, **more) as server:
            house = House(ServerKind.JELLYFIN, music, lambda: Browser(server.port))
            people(house, alices)
            bob = house.signed_in("bob")
            check_what_is_not_bobs(house, bob)
            assert playlist(bob, "bob's").status == 201
            assert playlist(house.signed_in("carol"), "carol's").status == 201
            with_creds = {"user_creds": {"token": host["JELLYFIN_TOKEN"]}}
            assert playlist(bob, "stolen", **with_creds).status == 403
        with serving(tmp_path, **more) as server:
            bob.port = server.port
            assert playlist(bob, "bob's again").status == 201

    assert music.owners() == {
        "bob's": "dan",
        "carol's": "admin",
        "bob's again": "dan",
    }
    log = (tmp_path / "gunicorn.log").read_text("utf-8")
    assert [secret for secret in (*SECRETS, *music.tokens) if secret in log] == []


#: Whoever watches the process does not start it again after this code.
IN_VAIN = 4


def test_it_does_not_start_elsewhere(tmp_path: Path):
    """In another folder it ends, with a sentence that says where to start it."""
    result = subprocess.run(
        command(tmp_path, "-c", "python:authz_audiomuse.server"),
        cwd=tmp_path,
        env={**CLEAN, **ACCOUNTS},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.returncode == IN_VAIN
    last = result.stderr.splitlines()[-1]
    assert last.startswith("authz did not start: ")
    assert "start the server in the folder that holds its `app.py`" in last
    assert "Traceback" not in result.stderr


def test_the_reason_is_the_last_line(tmp_path: Path):
    """A setting that is wrong: the last line says which, and what to do."""
    result = subprocess.run(
        command(STAND_IN, "-c", "python:authz_audiomuse.server"),
        cwd=tmp_path,
        env={**CLEAN, "PYTHONPATH": str(ROOT), **ACCOUNTS, "AUTHZ_POLICY": "/nowhere"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert result.returncode == IN_VAIN
    last = result.stderr.splitlines()[-1]
    assert last.startswith("authz did not start: ")
    assert "/nowhere" in last
    assert "Traceback" not in result.stderr


def test_what_may_pass_is_tried_again(tmp_path: Path):
    """A database that starts later is."""
    store = "postgresql://nobody@127.0.0.1:1/nothing"
    result = subprocess.run(
        command(STAND_IN, "-c", "python:authz_audiomuse.server"),
        cwd=tmp_path,
        env={**CLEAN, "PYTHONPATH": str(ROOT), **ACCOUNTS, "AUTHZ_STORE": store},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert "authz did not start: " in result.stderr.splitlines()[-1]
    assert result.returncode not in {0, IN_VAIN}
