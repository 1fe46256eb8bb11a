"""What the doctor says of sign-in: keys, issuers, clocks, tokens, whom the app trusts.

The key sources are real servers, asked as the app asks them.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from click.testing import Result

from tests.cli.commands import run
from tests.e2e.outpost import Outpost, claims
from tests.e2e.rig import new_key
from tests.e2e.servers import free_ports

CLIENT = "music-client"
SECRET = "0123456789abcdef" * 8
POLICY = "p, role:admin, /*, *\np, role:user, /map, GET\ng, group:admins, role:admin\n"
KEY = new_key("chosen")
PUBLIC = {name: KEY[name] for name in ("kty", "n", "e", "kid", "use", "alg")}


@pytest.fixture(name="outpost")
def _outpost() -> Iterator[Outpost]:
    outpost = Outpost()
    yield outpost
    outpost.close()


@pytest.fixture(name="home", autouse=True)
def _home(
    outpost: Outpost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    """An app behind Authentik, by the preset and as little else as possible."""
    (tmp_path / "policy.csv").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GUNICORN_CMD_ARGS", raising=False)
    monkeypatch.delenv("WEB_CONCURRENCY", raising=False)
    monkeypatch.setenv("AUTHZ_PROXY_PRESET", "authentik")
    monkeypatch.setenv("AUTHZ_JWT_ISSUER", outpost.issuer)
    monkeypatch.setenv("AUTHZ_JWT_AUDIENCE", CLIENT)
    return monkeypatch


def doctor(*args: str) -> Result:
    """Type `authz doctor`."""
    return run("doctor", *args)


def said(result: Result) -> str:
    """Return what it said, without the line breaks of the terminal."""
    return " ".join(result.output.split())


class TestKeySources:
    def test_a_key_set_with_a_key(self, outpost: Outpost):
        """How many keys, and for what."""
        outpost.key_set = {"keys": [PUBLIC]}

        result = doctor()

        assert result.exit_code == 0
        assert f"ok key source {outpost.issuer}jwks/: 1 key for RS256" in said(result)

    def test_an_empty_key_set_of_authentik(self):
        """The trap: no signing key is chosen. What to click, or what to set."""
        result = doctor()

        assert result.exit_code == 3
        assert "returned {}: no key at all" in result.output
        assert "Authentik signs with HS256" in result.output
        assert "Edit > Signing Key" in result.output
        assert "AUTHZ_JWT_SECRET_FILE" in result.output

    def test_a_secret_while_a_signing_key_is_chosen(
        self, outpost: Outpost, home: pytest.MonkeyPatch
    ):
        """The trap the other way round: the secret signs nothing."""
        home.setenv("AUTHZ_JWT_SECRET", SECRET)
        assert doctor().exit_code == 0

        outpost.key_set = {"keys": [PUBLIC]}
        result = doctor()

        assert result.exit_code == 3
        assert "does not sign with the client secret" in result.output

    def test_a_key_that_is_left_out(self, outpost: Outpost):
        """A warning, if another key is good."""
        outpost.key_set = {"keys": [PUBLIC, {**PUBLIC, "kid": "x", "use": "enc"}]}

        result = doctor()

        assert result.exit_code == 0
        assert "warn key source" in said(result)

    def test_nobody_answers(self, home: pytest.MonkeyPatch):
        """Exit code 7: nothing is wrong here, but nobody with a token gets in."""
        (port,) = free_ports(1)
        home.setenv("AUTHZ_JWT_ISSUER", f"http://127.0.0.1:{port}/application/o/x/")

        result = doctor()

        assert result.exit_code == 7
        assert "cannot be reached" in result.output

    def test_something_else_is_wrong_too(self, home: pytest.MonkeyPatch):
        """3 wins over 7: it has to be mended here."""
        (port,) = free_ports(1)
        home.setenv("AUTHZ_JWT_ISSUER", f"http://127.0.0.1:{port}/application/o/x/")
        Path("policy.csv").write_text("nonsense\n")

        assert doctor().exit_code == 3

    @pytest.mark.parametrize("path", ["/keys", "/.well-known/openid-configuration"])
    def test_another_address(
        self, outpost: Outpost, home: pytest.MonkeyPatch, path: str
    ):
        """A page that is no key set, or none at all, is a wrong setting."""
        home.setenv("AUTHZ_JWT_JWKS_URL", f"http://127.0.0.1:{outpost.port}{path}")

        assert doctor().exit_code == 3

    def test_a_file_of_keys(self, home: pytest.MonkeyPatch, tmp_path: Path):
        """A file is read as the app reads it."""
        file = tmp_path / "keys.json"
        file.write_text(json.dumps({"keys": [PUBLIC]}))
        home.setenv("AUTHZ_JWT_JWKS_FILE", str(file))

        result = doctor()

        assert result.exit_code == 0
        assert f"{file}: 1 key for RS256" in said(result)

    def test_keys_that_are_found_by_their_id(self, home: pytest.MonkeyPatch):
        """What cannot be checked is not called good."""
        home.setenv("AUTHZ_JWT_PEM_URL", "https://keys.home.test/")

        assert "skip key source" in said(doctor())


class TestIssuer:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda url: url.rstrip("/"), "only in the slash at the end"),
            (lambda url: url.replace("127.0.0.1", "auth.home"), "differ in the host"),
            (lambda url: url.replace("http:", "https:"), "in `http:` and `https:`"),
            (lambda url: url.replace("music", "photos"), "differ in the path"),
        ],
    )
    def test_it_calls_itself_otherwise(self, outpost: Outpost, change: Any, words: str):
        """Where the names differ, in words, and what to set."""
        outpost.key_set = {"keys": [PUBLIC]}
        outpost.discovery = {"issuer": change(outpost.issuer)}

        result = doctor()

        assert result.exit_code == 3
        assert words in said(result)
        assert f"set AUTHZ_JWT_ISSUER to `{change(outpost.issuer)}`" in said(result)

    def test_it_is_called_so(self, outpost: Outpost):
        """Nothing to say."""
        outpost.key_set = {"keys": [PUBLIC]}
        outpost.discovery = {
            "issuer": outpost.issuer,
            "id_token_signing_alg_values_supported": ["RS256"],
        }

        assert doctor().exit_code == 0

    def test_it_signs_in_another_way(self, outpost: Outpost):
        """HS256, while only RS256 is accepted."""
        outpost.key_set = {"keys": [PUBLIC]}
        outpost.discovery = {
            "issuer": outpost.issuer,
            "id_token_signing_alg_values_supported": ["HS256"],
        }

        result = doctor()

        assert result.exit_code == 3
        assert "signs with HS256, but only RS256 is accepted" in said(result)

    @pytest.mark.parametrize("discovery", [{}, {"issuer": 1}, {"issuer": "x\x1b[31m"}])
    def test_an_odd_answer_does_no_harm(self, outpost: Outpost, discovery: Any):
        """Whatever an issuer says, a terminal gets no control characters."""
        outpost.key_set = {"keys": [PUBLIC]}
        outpost.discovery = discovery

        result = doctor()

        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "\x1b" not in result.output


class TestClock:
    @pytest.mark.parametrize(
        ("ahead", "code", "words"),
        [
            (0, 0, "ok clock"),
            (15, 0, "warn clock 1[3-6] seconds behind"),
            (-15, 0, "warn clock 1[4-7] seconds ahead of"),
            (600, 3, "good tokens are refused"),
            (-600, 3, "good tokens are refused"),
        ],
    )
    def test_it_is_compared(
        self, outpost: Outpost, ahead: float, code: int, words: str
    ):
        """With the issuer's, by what it says with its keys."""
        outpost.key_set = {"keys": [PUBLIC]}
        outpost.ahead = ahead

        result = doctor()

        assert result.exit_code == code
        assert re.search(words, said(result))

    def test_nobody_says_what_time_it_is(
        self, home: pytest.MonkeyPatch, tmp_path: Path
    ):
        """Not compared, and said so."""
        home.setenv("AUTHZ_JWT_ISSUER", "https://auth.invalid/")
        home.setenv("AUTHZ_JWT_SECRET", SECRET)

        assert "skip clock" in said(doctor())


class TestToken:
    @pytest.fixture(name="made")
    def _made(self, outpost: Outpost, home: pytest.MonkeyPatch) -> dict[str, Any]:
        home.setenv("AUTHZ_JWT_SECRET", SECRET)
        return claims(outpost.issuer, CLIENT, "alice", ["admins"])

    def explain(self, token: str, folder: Path) -> Result:
        """Explain *token*; nothing of it may be printed."""
        file = folder / "token"
        file.write_text(f"{token}\n")
        result = doctor("--token-file", str(file))
        for part in token.split("."):
            assert len(part) < 20 or part not in result.output
        assert SECRET not in result.output
        assert "alice" not in result.output
        return result

    def test_one_that_holds(self, made: dict[str, Any], tmp_path: Path):
        """What it is, and that it holds here."""
        result = self.explain(jwt.encode(made, SECRET, "HS256"), tmp_path)

        assert result.exit_code == 0
        assert "signed with `HS256`, without a key id" in said(result)
        assert "it holds here: authentik vouches" in said(result)

    def test_one_with_bearer_before_it(self, made: dict[str, Any], tmp_path: Path):
        """As it was copied from a request."""
        token = f"Bearer {jwt.encode(made, SECRET, 'HS256')}"

        assert self.explain(token, tmp_path).exit_code == 0

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"exp": 1_700_000_000, "iat": 1_600_000_000}, "expired"),
            ({"aud": "another"}, "it is meant for `another`, and AUTHZ_JWT_AUDIENCE"),
            ({"iss": "https://auth.home/x/"}, "it says `https://auth.home/x/`"),
        ],
    )  # fmt: skip
    def test_one_that_does_not_hold(
        self, made: dict[str, Any], tmp_path: Path, change: dict[str, Any], words: str
    ):
        """What differs, and what to set."""
        result = self.explain(jwt.encode(made | change, SECRET, "HS256"), tmp_path)

        assert result.exit_code == 3
        assert words in said(result)

    def test_an_issuer_without_its_slash(self, made: dict[str, Any], tmp_path: Path):
        """The difference that nobody sees."""
        made["iss"] = made["iss"].rstrip("/")

        result = self.explain(jwt.encode(made, SECRET, "HS256"), tmp_path)

        assert "they differ only in the slash at the end" in said(result)

    def test_one_signed_in_another_way(self, made: dict[str, Any], tmp_path: Path):
        """RS256, while the settings have a secret."""
        token = jwt.encode(made, jwt.PyJWK(KEY).key, "RS256", headers={"kid": "chosen"})

        result = self.explain(token, tmp_path)

        assert result.exit_code == 3
        assert "it is signed with `RS256`, and only HS256 is accepted" in said(result)

    def test_one_by_a_key_of_the_set(
        self, outpost: Outpost, home: pytest.MonkeyPatch, tmp_path: Path
    ):
        """The keys are fetched as the app fetches them."""
        outpost.key_set = {"keys": [PUBLIC]}
        token = jwt.encode(
            claims(outpost.issuer, CLIENT, "alice", []),
            jwt.PyJWK(KEY).key, "RS256", headers={"kid": "chosen"},
        )  # fmt: skip

        result = self.explain(token, tmp_path)

        assert result.exit_code == 0
        assert "by key `chosen`" in said(result)

    @pytest.mark.usefixtures("made")
    def test_an_encrypted_one(self, tmp_path: Path):
        """Five parts: what to click."""
        result = self.explain("a.b.c.d.e", tmp_path)

        assert result.exit_code == 3
        assert "it is encrypted (JWE)" in said(result)
        assert "Encryption Key" in result.output

    @pytest.mark.usefixtures("made")
    @pytest.mark.parametrize(
        "text", ["", "alice", "a.b.c", "..", "\x00", "e30.e30.", "ééé.e30.x"]
    )
    def test_something_else(self, tmp_path: Path, text: str):
        """No token, no traceback."""
        result = self.explain(text, tmp_path)

        assert result.exit_code == 3
        assert isinstance(result.exception, SystemExit)

    def test_before_anything_is_configured(
        self, made: dict[str, Any], home: pytest.MonkeyPatch, tmp_path: Path
    ):
        """Which settings would make it count."""
        for name in ("PROXY_PRESET", "JWT_ISSUER", "JWT_AUDIENCE", "JWT_SECRET"):
            home.delenv(f"AUTHZ_{name}")
        home.setenv("AUTHZ_ADMIN", "root")
        home.setenv("AUTHZ_ADMIN_PASSWORD", "a long enough password")

        result = self.explain(jwt.encode(made, SECRET, "HS256"), tmp_path)

        assert f"AUTHZ_JWT_ISSUER={made['iss']}" in result.output
        assert f"AUTHZ_JWT_AUDIENCE={CLIENT}" in result.output
        assert "AUTHZ_JWT_SECRET_FILE=" in result.output

    def test_a_file_that_is_no_token(self, tmp_path: Path):
        """Too long to be one: a usage error, and nothing of it is printed."""
        file = tmp_path / "huge"
        file.write_text("secret" * 20_000)

        result = doctor("--token-file", str(file))

        assert result.exit_code == 2
        assert "secretsecret" not in result.output


class TestTrust:
    @pytest.fixture(autouse=True)
    def _secret(self, home: pytest.MonkeyPatch) -> None:
        home.setenv("AUTHZ_JWT_SECRET", SECRET)

    def headers_only(self, home: pytest.MonkeyPatch, proxies: str) -> None:
        """Believe plain headers from *proxies*, and no token."""
        for name in ("JWT_ISSUER", "JWT_AUDIENCE", "JWT_SECRET"):
            home.delenv(f"AUTHZ_{name}")
        home.setenv("AUTHZ_TRUSTED_PROXIES", proxies)

    @pytest.mark.parametrize("proxies", ["10.0.0.0/8", "172.18.0.0/16", "fd00::/48"])
    def test_a_wide_network(self, home: pytest.MonkeyPatch, proxies: str):
        """Everything in it can be anybody."""
        self.headers_only(home, proxies)

        assert f"warn trusted proxies {proxies} is wide" in said(doctor())

    @pytest.mark.parametrize("proxies", ["172.18.0.5", "unix:", "10.1.2.0/28, ::1"])
    def test_a_narrow_one(self, home: pytest.MonkeyPatch, proxies: str):
        """Named, and good."""
        self.headers_only(home, proxies)

        assert "ok trusted proxies plain headers are believed" in said(doctor())

    def test_headers_beside_a_token(self, home: pytest.MonkeyPatch):
        """The weaker way is open although it is not needed."""
        home.setenv("AUTHZ_TRUSTED_PROXIES", "172.18.0.5")

        assert "remove AUTHZ_TRUSTED_PROXIES" in doctor().output

    def test_the_switch_that_opens_to_everybody(
        self, home: pytest.MonkeyPatch, outpost: Outpost
    ):
        """Said in capital letters, or nearly."""
        self.headers_only(home, "127.0.0.1")
        home.delenv("AUTHZ_TRUSTED_PROXIES")
        home.delenv("AUTHZ_PROXY_PRESET")
        home.setenv("AUTH_ENABLED", "false")

        result = doctor()

        assert "warn ways in AUTH_ENABLED: there is no sign-in" in said(result)

    def test_nobody_can_sign_in(self, home: pytest.MonkeyPatch):
        """No account with a password, no proxy, no token; strangers are enough."""
        self.headers_only(home, "127.0.0.1")
        home.delenv("AUTHZ_TRUSTED_PROXIES")
        home.delenv("AUTHZ_PROXY_PRESET")

        assert "warn ways in nobody can sign in" in said(doctor())
        home.setenv("AUTHZ_ANONYMOUS_ROLE", "demo")
        assert "ok ways in strangers, with `role:demo`" in said(doctor())

    def test_ways_in(self, home: pytest.MonkeyPatch):
        """Each is named."""
        home.setenv("AUTHZ_ADMIN", "root")
        home.setenv("AUTHZ_ADMIN_PASSWORD", "a long enough password")
        home.setenv("AUTHZ_API_TOKEN", "t" * 40)

        assert (
            "ok ways in 1 local account, people from authentik, an API token"
            in said(doctor())
        )

    def test_no_group_has_a_role(self, home: pytest.MonkeyPatch):
        """Everybody would be refused."""
        Path("policy.csv").write_text(
            POLICY.replace("group:admins, role:admin", "user:root, role:admin")
        )

        assert "warn groups" in said(doctor())
        home.setenv("AUTHZ_USER_GROUPS", "music")
        assert "warn groups" not in said(doctor())

    def test_what_strangers_may_change(self, home: pytest.MonkeyPatch):
        """Each rule by its line."""
        with Path("policy.csv").open("a") as file:
            file.write("p, role:demo, /api/vote, POST\n")
        home.setenv("AUTHZ_ANONYMOUS_ROLE", "demo")

        assert "may POST /api/vote (policy.csv:4)" in said(doctor())


class TestServer:
    @pytest.fixture(autouse=True)
    def _headers(self, home: pytest.MonkeyPatch) -> None:
        home.setenv("AUTHZ_JWT_SECRET", SECRET)
        home.setenv("AUTHZ_TRUSTED_PROXIES", "172.18.0.5")

    def install(self, folder: Path, name: str) -> None:
        """Put into *folder* what pip would write down about a package."""
        info = folder / f"{name}-9.9.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.9\n"
        )

    def test_good_ones(self):
        """Named, with what they do."""
        assert "each keeps `X_User` and `X-User` apart" in said(doctor())

    @pytest.mark.parametrize("name", ["uwsgi", "granian", "hypercorn", "uvicorn"])
    def test_one_that_merges_names(
        self, home: pytest.MonkeyPatch, tmp_path: Path, name: str
    ):
        """Plain headers prove nothing under it; the switch acknowledges that."""
        self.install(tmp_path, name)
        home.syspath_prepend(tmp_path)

        assert f"{name} 9.9 is installed: it takes `X_User`" in said(doctor())
        home.setenv("AUTHZ_UNDERSCORES_STRIPPED", "true")
        assert f"{name} 9.9 is installed: it takes" not in said(doctor())

    def test_gunicorn_that_is_told_to_merge(self, home: pytest.MonkeyPatch):
        """3: anybody could send the proxy's headers."""
        home.setenv("GUNICORN_CMD_ARGS", "--header-map dangerous")

        result = doctor()

        assert result.exit_code == 3
        assert "--header-map dangerous" in result.output

    @pytest.mark.parametrize(
        ("name", "value", "warned"),
        [
            ("WEB_CONCURRENCY", "4", True),
            ("WEB_CONCURRENCY", "1", False),
            ("WEB_CONCURRENCY", "many", False),
            ("GUNICORN_CMD_ARGS", "--workers 4", True),
            ("GUNICORN_CMD_ARGS", "--threads=8 --workers=2", True),
            ("GUNICORN_CMD_ARGS", "-w3", True),
            ("GUNICORN_CMD_ARGS", "--workers 1 --threads 8", False),
        ],
    )
    def test_several_processes(
        self, home: pytest.MonkeyPatch, name: str, value: str, *, warned: bool
    ):
        """Local accounts cannot sign in then; people from the proxy can."""
        home.setenv(name, value)
        assert "workers, and sessions" not in doctor().output

        home.setenv("AUTHZ_ADMIN", "root")
        home.setenv("AUTHZ_ADMIN_PASSWORD", "a long enough password")

        assert ("workers, and sessions" in said(doctor())) is warned

    def test_the_size_of_headers(self, home: pytest.MonkeyPatch):
        """Said once, unless somebody has raised it."""
        assert "--limit-request-field_size 16384" in doctor().output

        Path("gunicorn.conf.py").write_text("limit_request_field_size = 16384\n")
        assert "--limit-request-field_size 16384" not in doctor().output

        Path("gunicorn.conf.py").unlink()
        home.setenv("GUNICORN_CMD_ARGS", "--limit-request-field_size 16384")
        assert "takes headers of 8190 bytes" not in doctor().output
