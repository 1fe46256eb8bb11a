"""Whom a request would come from, as an operator asks it."""

from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest
from click.testing import Result
from flask import Flask

from authz import Authz
from authz.admin.doctor.hints import HINTS, hint_of
from authz.admin.doctor.whoami import environ_of
from authz.cli.schema import schema_names
from authz.extension import get_authz
from authz.identity.why import Why
from tests.cli.commands import document, flask_run, run
from tests.e2e.outpost import claims

ISSUER = "https://auth.home/application/o/music/"
CLIENT = "music-client"
SECRET = "0123456789abcdef" * 8
POLICY = """\
p, role:admin, /*, *
p, role:user, /map, GET
g, group:admins, role:admin
g, role:admin, role:user
g, user:authentik/bob, role:user
"""
ALICE = ("--header", "X-authentik-username: alice")
ADMINS = ("--header", "X-authentik-groups: admins|friends")
PROXY = ("--from", "172.18.0.2")


@pytest.fixture(name="home", autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    (tmp_path / "policy.csv").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTHZ_PROXY_PRESET", "authentik")
    monkeypatch.setenv("AUTHZ_TRUSTED_PROXIES", "172.18.0.2, unix:")
    return monkeypatch


@pytest.fixture(name="signed")
def _signed(home: pytest.MonkeyPatch) -> None:
    home.setenv("AUTHZ_JWT_ISSUER", ISSUER)
    home.setenv("AUTHZ_JWT_AUDIENCE", CLIENT)
    home.setenv("AUTHZ_JWT_SECRET", SECRET)


@pytest.fixture(name="app")
def _app() -> Iterator[Flask]:
    app = Flask("guarded", static_folder=None)
    Authz(app)
    yield app
    get_authz(app).runtime.close()


def whoami(*args: str) -> Result:
    """Type `authz whoami`."""
    return run("whoami", *args)


def test_somebody_from_the_proxy():
    """Which source, which names, which roles, and where each came from."""
    result = whoami(*ALICE, *ADMINS, *PROXY)

    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "source   headers",
        "subject  user:authentik/alice",
        (
            "names    auth:headers, group:admins, group:friends, role:authenticated, "
            "role:everyone, user:authentik/alice"
        ),
        (
            "groups   from the header `X-authentik-groups`, cut at `|`: "
            "`admins`, `friends`"
        ),
        "role     role:admin  group:admins -> role:admin (policy.csv:3)",
        (
            "role     role:user  group:admins -> role:admin (policy.csv:3) -> "
            "role:user (policy.csv:4)"
        ),
    ]


def test_a_role_that_a_setting_gives(home: pytest.MonkeyPatch):
    """The setting is named where a line of the policy would be."""
    home.setenv("AUTHZ_USER_GROUPS", "friends")

    result = whoami(*ALICE, "--header", "X-authentik-groups: friends", *PROXY)

    assert "group:friends -> role:user (AUTHZ_USER_GROUPS)" in result.output


@pytest.mark.parametrize("peer", ["192.168.1.9", "::1", "::ffff:192.168.1.9"])
def test_headers_from_elsewhere_are_ignored(peer: str):
    """Each with why; who is left is a stranger."""
    result = whoami(*ALICE, *ADMINS, "--from", peer)

    assert result.exit_code == 0
    assert result.output.splitlines()[:4] == [
        (
            f"ignored  X-authentik-username: the peer {peer} is not in "
            "AUTHZ_TRUSTED_PROXIES"
        ),
        f"ignored  X-authentik-groups: the peer {peer} is not in AUTHZ_TRUSTED_PROXIES",
        "source   none: nothing in the request says who is asking",
        "subject  auth:anonymous",
    ]
    assert "role     none" in result.output


@pytest.mark.parametrize("peer", ["172.18.0.2", "::ffff:172.18.0.2", "unix:"])
def test_who_is_on_the_list(peer: str):
    """As a request's peer is compared: mapped addresses and Unix sockets too."""
    assert "subject  user:authentik/alice" in whoami(*ALICE, "--from", peer).output


def test_other_headers_are_said_to_be_of_no_account():
    """A typing error in a header's name does not go unnoticed."""
    result = whoami(
        "--header", "X-authentic-username: alice",
        "--header", "X_authentik_username: alice",
        *PROXY,
    )  # fmt: skip

    assert "ignored  X-authentic-username: no source that was asked reads it" in (
        result.output
    )
    assert "ignored  X_authentik_username: servers drop names with `_`" in result.output
    assert "subject  auth:anonymous" in result.output


def test_a_header_that_comes_twice_is_refused():
    """As a server joins them: one of the two was planted."""
    result = whoami(*ALICE, "--header", "X-authentik-username: bob", *PROXY)

    assert result.exit_code == 5
    assert result.output.startswith("refused  authentik: several-values\n")
    assert "a header came twice" in result.output


def test_groups_that_were_dropped_or_nearly_fit():
    """What was delivered, what became of it, and what it was perhaps meant to be."""
    header = ("--header", "X-authentik-groups: Admins|CORP\\Domain Users|friends")

    lines = whoami(*ALICE, *header, *PROXY).output.splitlines()
    groups = document(whoami(*ALICE, *header, *PROXY, "--json"), "whoami")["groups"]

    assert "near     `Admins` differs from `admins` only in case" in lines
    assert any(line.startswith("dropped  `CORP\\Domain Users`: ") for line in lines)
    assert groups["delivered"] == ["Admins", "CORP\\Domain Users", "friends"]
    assert [d["group"] for d in groups["dropped"]] == ["CORP\\Domain Users"]
    assert [n["named"] for n in groups["near"]] == ["admins"]


def test_an_ldap_name_that_is_cut_makes_nobody_an_administrator(
    home: pytest.MonkeyPatch,
):
    """Neither the setting nor the header may be cut into pieces."""
    home.setenv("AUTHZ_PROXY_PRESET", "authelia")
    home.setenv("AUTHZ_ADMIN_GROUPS", "CN=music-admins,OU=Groups,DC=example,DC=org")
    guest = ("Remote-User: guest", "Remote-Groups: CN=guests,OU=Groups,DC=example")
    given = [part for header in guest for part in ("--header", header)]

    refused = whoami(*given, *PROXY)
    home.setenv("AUTHZ_ADMIN_GROUPS", '["CN=music-admins,OU=Groups,DC=example,DC=org"]')
    cut = whoami(*given, *PROXY)
    home.setenv("AUTHZ_GROUPS_SEPARATOR", ";")
    whole = whoami(*given, *PROXY)

    assert refused.exit_code == 3
    assert "AUTHZ_ADMIN_GROUPS" in refused.output
    assert "JSON list" in refused.output
    assert cut.exit_code == 5
    assert "ldap-name-cut" in cut.output
    assert "the header `Remote-Groups`" in cut.output
    assert "group:CN=guests,OU=Groups,DC=example" in whole.output
    assert "role:admin" not in whole.output


def test_bytes_that_are_no_utf_8(tmp_path: Path):
    """A shell and a file may hold Latin-1; the app refuses it, and so does this."""
    (tmp_path / "headers").write_bytes(b"X-authentik-username: Jos\xe9\n")

    for header in ("X-authentik-username: Jos\udce9", "@headers"):
        result = whoami("--header", header, *PROXY)
        assert result.exit_code == 5
        assert "bad-characters" in result.output


def test_a_peer_with_an_interface():
    """As the kernel writes a link-local address, and the server hands it on."""
    assert "subject  auth:anonymous" in whoami("--from", "fe80::5%eth0").output


@pytest.mark.usefixtures("signed")
class TestTokens:
    def headers(self, folder: Path, token: str, *others: str) -> tuple[str, str]:
        """Return the option that reads *token* and other headers from a file."""
        file = folder / "headers"
        file.write_text("\n".join([f"X-authentik-jwt: {token}", *others, ""]))
        return "--header", f"@{file}"

    def test_a_good_one(self, tmp_path: Path):
        """The token decides; nothing of it is printed."""
        made = claims(ISSUER, CLIENT, "bob", [])
        token = jwt.encode(made, SECRET, "HS256")

        result = whoami(*self.headers(tmp_path, token), "--from", "10.9.9.9")

        assert result.exit_code == 0
        assert "source   jwt" in result.output
        assert "user:authentik/bob -> role:user (policy.csv:5)" in result.output
        assert [part for part in token.split(".") if part in result.output] == []

    def test_a_bad_one(self, tmp_path: Path):
        """Why, and what to do; headers beside it are no way round."""
        made = claims(ISSUER, "another", "bob", [])
        token = jwt.encode(made, SECRET, "HS256")

        result = whoami(
            *self.headers(tmp_path, token, "X-authentik-username: bob"), *PROXY
        )

        assert result.exit_code == 5
        assert "refused  authentik: wrong-audience" in result.output
        assert "AUTHZ_JWT_AUDIENCE" in result.output
        assert "user:authentik/bob" not in result.output

    def test_headers_that_disagree(self, tmp_path: Path):
        """Bob's token, alice's name."""
        token = jwt.encode(claims(ISSUER, CLIENT, "bob", []), SECRET, "HS256")

        result = whoami(
            *self.headers(tmp_path, token, "X-authentik-username: alice"), *PROXY
        )

        assert result.exit_code == 5
        assert "identities-disagree" in result.output


def test_programs_read_the_same():
    """A document with a schema."""
    found = document(whoami(*ALICE, *ADMINS, *PROXY, "--json"), "whoami")

    assert found["subject"] == "user:authentik/alice"
    assert found["roles"][0]["grants"] == [
        {"grant": "group:admins has role:admin", "origin": "policy.csv:3"}
    ]
    refused = document(
        whoami(*ALICE, "--header", "X-authentik-username: b", *PROXY, "--json"),
        "whoami",
    )
    assert refused["subject"] is None
    assert refused["refused"] == "several-values"
    assert "whoami" in schema_names()


def test_with_an_app_its_sources_are_asked(app: Flask, home: pytest.MonkeyPatch):
    """What the app was started with, not what the environment says now."""
    home.setenv("AUTHZ_TRUSTED_PROXIES", "10.0.0.1")

    result = flask_run(app, "whoami", *ALICE, *ADMINS, *PROXY)

    assert result.exit_code == 0
    assert "group:admins -> role:admin (policy.csv:3)" in result.output


def test_asking_leaves_no_trace(app: Flask, caplog: pytest.LogCaptureFixture):
    """Without an app nothing is written to the audit log."""
    whoami(*ALICE, "--from", "192.168.1.9")

    assert [r for r in caplog.records if r.name == "authz.audit"] == []


@pytest.mark.parametrize(
    "args",
    [
        ALICE,
        (*ALICE, "--from", "10.0.0.0/8"),
        (*ALICE, "--from", "10.0.0.1,10.0.0.2"),
        (*ALICE, "--from", ""),
        (*ALICE, "--from", "*"),
        (*ALICE, "--from", "proxy.home"),
        ("--header", "no colon", *PROXY),
        ("--header", ": x", *PROXY),
        ("--header", "X : x", *PROXY),
        ("--header", "@missing", *PROXY),
    ],
)
def test_a_wrong_command_line(args: tuple[str, ...]):
    """2, in words."""
    result = whoami(*args)

    assert result.exit_code == 2
    assert "Traceback" not in result.output


def test_a_wrong_header_is_not_printed():
    """It may be a token that lost its name."""
    result = whoami("--header", "eyJhbGciOiJIUzI1NiJ9.e30.secret", *PROXY)

    assert result.exit_code == 2
    assert "eyJ" not in result.output


def test_wrong_settings(home: pytest.MonkeyPatch):
    """3, with every problem."""
    home.setenv("AUTHZ_LANDING", "nowhere")

    assert whoami(*ALICE, *PROXY).exit_code == 3


def test_headers_become_an_environ_as_gunicorn_makes_it():
    """PEP 3333: bytes as Latin-1, what comes twice joined, `_` dropped."""
    environ = environ_of(
        [("X-A", "ü"), ("x-a", "2"), ("X_B", "3"), ("Cookie", "a=b")], "unix:"
    )

    assert environ["HTTP_X_A"] == "Ã¼,2"
    assert "HTTP_X_B" not in environ
    assert environ["HTTP_COOKIE"] == "a=b"
    assert environ["REMOTE_ADDR"] == ""


def test_every_reason_has_a_mend():
    """Whoever is refused can be told what to do."""
    assert set(HINTS) == set(Why)
    assert hint_of("expired") == HINTS[Why.EXPIRED]
    assert hint_of("a word of another source") == ""
