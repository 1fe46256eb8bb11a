"""Settings of proxies, tokens and the old switches are checked before anything runs."""

from pathlib import Path

import pytest

from authz.errors import SettingsError
from authz.settings import Settings, read_settings
from tests.minting import jwks, signer
from tests.unit.test_settings import AN_ISSUER, problems

SECRET = AN_ISSUER["AUTHZ_JWT_SECRET"]
AUTHENTIK = {
    "AUTHZ_PROXY_PRESET": "authentik",
    "AUTHZ_JWT_ISSUER": "https://auth.example/application/o/music/",
    "AUTHZ_JWT_AUDIENCE": "music",
}
HEADERS = {"AUTHZ_PROXY_PRESET": "authelia", "AUTHZ_TRUSTED_PROXIES": "172.18.0.5"}


def grants(environ: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return member, role and origin of the grants that *environ* makes."""
    found = read_settings({}, environ).grants
    return [(grant.member, grant.role, str(grant.origin)) for grant in found]


def warnings(environ: dict[str, str]) -> list[str]:
    """Return what is odd about *environ*."""
    return list(map(str, read_settings({}, environ).warnings))


class TestIssuers:
    def test_a_preset_fills_in(self):
        """Issuer and audience are one's own; the rest is known."""
        [issuer] = read_settings({}, AUTHENTIK).proxy.issuers

        assert issuer.name == "authentik"
        assert issuer.header == "X-authentik-jwt"
        assert issuer.jwks_url == "https://auth.example/application/o/music/jwks/"
        assert issuer.algorithms == {"RS256"}
        assert issuer.subject == "preferred_username"

    def test_a_secret_means_hs256(self):
        """Stock Authentik signs with the client secret."""
        [issuer] = read_settings(
            {}, AUTHENTIK | {"AUTHZ_JWT_SECRET": SECRET}
        ).proxy.issuers

        assert issuer.algorithms == {"HS256"}
        assert issuer.jwks_url is None
        assert issuer.secret == SECRET.encode()
        assert SECRET not in repr(issuer)

    def test_settings_win_over_a_preset(self):
        """What an operator says is what holds."""
        [issuer] = read_settings(
            {},
            AUTHENTIK
            | {
                "AUTHZ_JWT_SUBJECT": "sub",
                "AUTHZ_JWT_GROUPS": "entitlements",
                "AUTHZ_JWT_ALGORITHMS": "ES256, ES384",
                "AUTHZ_PROXY_NAME": "home",
                "AUTHZ_JWT_LEEWAY": "0",
                "AUTHZ_JWT_KEY_GRACE_HOURS": "0",
                "AUTHZ_JWT_MAX_HOURS": "24",
                "AUTHZ_JWT_REQUIRE": "azp=music, acr=high",
            },
        ).proxy.issuers

        assert (issuer.subject, issuer.groups, issuer.name) == (
            "sub",
            "entitlements",
            "home",
        )
        assert issuer.algorithms == {"ES256", "ES384"}
        assert (issuer.leeway, issuer.key_grace, issuer.max_lifetime) == (0, 0, 86_400)
        assert issuer.required == (("azp", "music"), ("acr", "high"))

    @pytest.mark.parametrize("missing", ["ISSUER", "AUDIENCE", "HEADER", "SECRET"])
    def test_nothing_starts_without(self, missing: str):
        """Without an issuer, an audience or keys a token would prove nothing."""
        given = {k: v for k, v in AN_ISSUER.items() if not k.endswith(missing)}
        said = problems(given)

        where = "AUTHZ_JWT_JWKS_URL" if missing == "SECRET" else f"AUTHZ_JWT_{missing}"
        assert said.startswith(f"{where}: ")

    def test_several(self):
        """A number makes another issuer; each has its own people."""
        settings = read_settings(
            {},
            AUTHENTIK
            | {
                "AUTHZ_JWT_2_HEADER": "Authorization",
                "AUTHZ_JWT_2_ISSUER": "plugin",
                "AUTHZ_JWT_2_AUDIENCE": "music,api",
                "AUTHZ_JWT_2_SECRET": SECRET,
                "AUTHZ_JWT_9_PRESET": "google-iap",
                "AUTHZ_JWT_9_AUDIENCE": "/projects/1/apps/x",
                "AUTHZ_JWT_9_NAME": "iap",
            },
        )

        assert [(i.name, i.header) for i in settings.proxy.issuers] == [
            ("authentik", "X-authentik-jwt"),
            ("proxy2", "Authorization"),
            ("iap", "X-Goog-Iap-Jwt-Assertion"),
        ]
        assert settings.proxy.issuers[1].audiences == {"music", "api"}

    @pytest.mark.parametrize(
        ("more", "where"),
        [
            ({"AUTHZ_JWT_2_ISUER": "x"}, "did you mean `AUTHZ_JWT_ISSUER`?"),
            ({"AUTHZ_JWT_1_ISSUER": "x"}, "no such setting"),
            ({"AUTHZ_JWT_10_ISSUER": "x"}, "no such setting"),
            ({"AUTHZ_JWT_2_LEEWAY": "5"}, "AUTHZ_JWT_2_ISSUER: without it"),
        ],
    )
    def test_numbers(self, more: dict[str, str], where: str):
        """A misspelled block, or half a one, is a problem."""
        assert where in problems(AN_ISSUER | more)

    def test_two_of_one_kind(self):
        """Two issuers that cannot be told apart would vouch for each other's people."""
        second = {
            name.replace("JWT", "JWT_2"): value for name, value in AN_ISSUER.items()
        }
        said = problems(AN_ISSUER | second | {"AUTHZ_JWT_2_NAME": "proxy"})

        assert "AUTHZ_JWT has the same issuer in this header" in said
        assert "AUTHZ_JWT has the same name" in said

    @pytest.mark.parametrize(
        ("more", "why"),
        [
            ({"AUTHZ_JWT_ALGORITHMS": "RS256"}, "belong to a shared secret"),
            ({"AUTHZ_JWT_ALGORITHMS": "HS256,RS256"}, "belong to a shared secret"),
            ({"AUTHZ_JWT_ALGORITHMS": "HS512"}, "needs 64"),
            ({"AUTHZ_JWT_JWKS_URL": "https://idp.test/"}, "more than one kind of keys"),
            ({"AUTHZ_JWT_SECRET": signer("RS256").pem.decode()}, "is a public key"),
            ({"AUTHZ_JWT_SECRET": "s" * 31}, "has 31 bytes"),
        ],
    )
    def test_keys_and_algorithms_belong_together(self, more: dict[str, str], why: str):
        """A secret and a public key are never mixed, and neither is weak."""
        assert why in problems(AN_ISSUER | more)

    def test_public_keys_do_not_do_hs256(self):
        """Then the public key would be the secret."""
        given = {k: v for k, v in AN_ISSUER.items() if not k.endswith("SECRET")}
        pem = signer("RS256").pem.decode()

        assert read_settings({}, given | {"AUTHZ_JWT_PEM": pem}).proxy.issuers
        said = problems(given | {"AUTHZ_JWT_PEM": pem, "AUTHZ_JWT_ALGORITHMS": "HS256"})
        assert "belong to a shared secret" in said

    def test_keys_of_a_file(self, tmp_path: Path):
        """They are looked at when the app starts, so a wrong file is known at once."""
        given = {k: v for k, v in AN_ISSUER.items() if not k.endswith("SECRET")}
        file = tmp_path / "jwks.json"
        file.write_bytes(jwks(signer("RS256").jwk()))
        with_file = given | {"AUTHZ_JWT_JWKS_FILE": str(file)}

        assert read_settings({}, with_file).proxy.issuers[0].jwks_file == file
        file.write_bytes(b"{}")
        assert "Authentik provider without a signing key" in problems(with_file)

    def test_authentik_ends_with_a_slash(self):
        """The mistake that everybody makes once."""
        said = problems(
            AUTHENTIK | {"AUTHZ_JWT_ISSUER": "https://auth.example/o/music"}
        )

        assert "does not end with `/`" in said

    def test_no_problem_shows_a_secret(self):
        """What is printed at start may be read by others."""
        token = "tooshortbutsecret"[:12]
        said = problems(
            AN_ISSUER
            | {
                "AUTHZ_JWT_SECRET": "hush hush",
                "AUTHZ_API_TOKEN": token,
                "AUTHZ_PROXY_SECRET_HEADER": "X-Secret",
                "AUTHZ_PROXY_SECRET": "whisper",
                "AUTHZ_TRUSTED_PROXIES": "10.0.0.1",
                "AUTHZ_USER_HEADER": "X-User",
            }
        )

        assert len(said.splitlines()) == 3
        for secret in ("hush", token, "whisper"):
            assert secret not in said


class TestPlainHeaders:
    def test_nobody_is_trusted_by_default(self):
        """A preset alone believes nobody."""
        assert "AUTHZ_TRUSTED_PROXIES" in problems({"AUTHZ_PROXY_PRESET": "authelia"})
        assert "AUTHZ_TRUSTED_PROXIES" in problems({"AUTHZ_USER_HEADER": "X-User"})
        assert "AUTHZ_TRUSTED_PROXIES" in problems(
            {"AUTHZ_PROXY_PRESET": "authelia", "AUTHZ_TRUSTED_PROXIES": ""}
        )

    def test_named_headers(self):
        """Any proxy will do whose headers one names."""
        headers = read_settings(
            {},
            {
                "AUTHZ_TRUSTED_PROXIES": "127.0.0.1, unix:",
                "AUTHZ_USER_HEADER": "X-User",
                "AUTHZ_GROUPS_HEADER": "X-Groups",
                "AUTHZ_GROUPS_SEPARATOR": ";",
                "AUTHZ_NAME_HEADER": "X-Name",
                "AUTHZ_PROXY_SECRET_HEADER": "X-Secret",
                "AUTHZ_PROXY_SECRET": "0123456789abcdef",
            },
        ).proxy.headers

        assert headers is not None
        assert headers.names.user == "X-User"
        assert headers.names.separator == ";"
        assert headers.secret is not None
        assert "0123456789abcdef" not in repr(headers)

    def test_headers_of_a_proxy_that_has_none(self):
        """Cloudflare signs a token; its plain header is for nothing."""
        said = problems(
            {"AUTHZ_PROXY_PRESET": "google-iap", "AUTHZ_TRUSTED_PROXIES": "10.0.0.1"}
        )

        assert "sends no plain headers" in said
        assert "which header names the person" in problems(
            {"AUTHZ_TRUSTED_PROXIES": "10.0.0.1"}
        )

    @pytest.mark.parametrize(
        "half", [{"AUTHZ_PROXY_SECRET": "0123456789abcdef"},
                 {"AUTHZ_PROXY_SECRET_HEADER": "X-Secret"}]
    )  # fmt: skip
    def test_half_a_secret(self, half: dict[str, str]):
        """A secret without its header, or the other way round, protects nothing."""
        assert "companion" in problems(HEADERS | half)


class TestRoles:
    def test_groups(self):
        """Operators who never open the policy name groups; origins name the setting."""
        made = grants(
            HEADERS
            | {
                "AUTHZ_ADMIN_GROUPS": "music-admins, group:root",
                "AUTHZ_USER_GROUPS": "CN=Fans,OU=Music\nfamily\n",
            }
        )

        assert made == [
            ("group:music-admins", "role:admin", "AUTHZ_ADMIN_GROUPS"),
            ("group:root", "role:admin", "AUTHZ_ADMIN_GROUPS"),
            ("group:CN=Fans,OU=Music", "role:user", "AUTHZ_USER_GROUPS"),
            ("group:family", "role:user", "AUTHZ_USER_GROUPS"),
        ]

    @pytest.mark.parametrize(
        "text",
        [
            "CN=music-admins,OU=Groups,DC=example,DC=org",
            "group:CN=music-admins,OU=Groups",
            "staff, CN=music-admins",
            "cn = music-admins , dc = example",
        ],
    )
    def test_a_list_that_cuts_an_ldap_name_is_refused(self, text: str):
        """Each piece would be a group: of `DC=example` everybody is a member."""
        found = problems(HEADERS | {"AUTHZ_ADMIN_GROUPS": text})

        assert "LDAP name" in found
        assert "one group a line, or a JSON list" in found

    @pytest.mark.parametrize("text", ['["CN=a", "OU=b"]', "CN=a\nOU=b\nDC=c"])
    def test_a_list_of_parts_is_refused(self, text: str):
        """Whoever wrote it has cut the name."""
        assert '`["CN=a,OU=b' in problems(HEADERS | {"AUTHZ_ADMIN_GROUPS": text})

    def test_a_pattern_that_no_group_can_fit_is_named(self):
        """What is cut at commas never holds one."""
        given = HEADERS | {"AUTHZ_SCOPED_GROUPS": "cn=m-{library},o=x user"}

        [warned] = warnings(given)
        assert "no group can ever fit `cn=m-{library},o=x`" in warned
        assert "cut at `,`" in warned
        assert warnings(given | {"AUTHZ_GROUPS_SEPARATOR": "|"}) == []

    def test_names_with_commas_can_be_written(self):
        """On lines, as a JSON list, or as a list in the app's config."""
        name = "CN=music-admins,OU=Groups,DC=example,DC=org"
        expected = [(f"group:{name}", "role:admin", "AUTHZ_ADMIN_GROUPS")]

        assert grants(HEADERS | {"AUTHZ_ADMIN_GROUPS": f"{name}\n"}) == expected
        assert grants(HEADERS | {"AUTHZ_ADMIN_GROUPS": f'["{name}"]'}) == expected
        settings = read_settings({"AUTHZ_ADMIN_GROUPS": [name]}, HEADERS)
        assert [g.member for g in settings.proxy.grants] == [f"group:{name}"]

    def test_a_list_that_is_none(self):
        """What begins as JSON has to be JSON."""
        assert "JSON list" in problems(HEADERS | {"AUTHZ_ADMIN_GROUPS": '["a"'})

    def test_groups_without_a_proxy(self):
        """Nobody could ever be in them."""
        assert "no proxy that could name a group" in problems(
            {"AUTHZ_ADMIN_GROUPS": "admins"}
        )

    def test_an_account_without_password_comes_through_the_proxy(self):
        """`ADMIN=alice` without a password is the proxy's alice, and no local one."""
        given = {"AUTHZ_ADMIN": "alice", "USER": "bob", "USER_PASSWORD": ""}

        assert grants(AUTHENTIK | given) == [
            ("user:authentik/alice", "role:admin", "AUTHZ_ADMIN"),
            ("user:authentik/bob", "role:user", "USER"),
        ]
        assert warnings(AUTHENTIK | given) == []
        assert grants(given) == []
        assert "only through a sign-in proxy" in warnings(given)[0]

    def test_an_account_with_password_is_local(self):
        """The proxy's alice does not get what the local alice has."""
        given = {
            "AUTHZ_ADMIN": "alice",
            "AUTHZ_ADMIN_PASSWORD": "correct horse battery",
        }

        assert grants(AUTHENTIK | given) == [
            ("user:alice", "role:admin", "AUTHZ_ADMIN")
        ]

    def test_the_api_token(self):
        """It has a role, and the grant says where that comes from."""
        token = {"API_TOKEN": "0123456789abcdef0123456789abcdef"}

        assert grants(token) == [("token:env", "role:admin", "AUTHZ_API_TOKEN")]
        assert grants(token | {"AUTHZ_API_TOKEN_ROLE": "plugin"}) == [
            ("token:env", "role:plugin", "AUTHZ_API_TOKEN")
        ]
        assert warnings(token) == []
        assert "short" in warnings({"AUTHZ_API_TOKEN": "0123456789abcdef"})[0]


class TestSignOut:
    def test_where_the_preset_says(self):
        """A known proxy is known to sign people out somewhere."""
        keycloak = AUTHENTIK | {
            "AUTHZ_PROXY_PRESET": "keycloak",
            "AUTHZ_JWT_ISSUER": "https://id.example/realms/home",
        }

        assert read_settings({}, AUTHENTIK).proxy.sign_out_url == (
            "/outpost.goauthentik.io/sign_out"
        )
        assert read_settings({}, keycloak).proxy.sign_out_url == (
            "https://id.example/realms/home/protocol/openid-connect/logout"
        )
        assert read_settings({}, {}).proxy.sign_out_url is None

    @pytest.mark.parametrize("name", ["AUTHZ_SIGN_OUT_URL", "AUTH_LOGOUT_URL"])
    def test_where_the_operator_says(self, name: str):
        """A path, or an address elsewhere that is encrypted."""
        for url in ("/logout?x=y", "https://auth.example/logout"):
            assert read_settings({}, {name: url}).proxy.sign_out_url == url

    @pytest.mark.parametrize(
        "url",
        ["http://auth.example/", "//auth.example", "/\\auth.example", "logout",
         "javascript:alert(1)", "https://", "https://user@auth.example/", "/a b",
         "/\n", "https://auth.example\\@evil.test/", "/\u00e9", "https:/auth.example"],
    )  # fmt: skip
    def test_not_anywhere(self, url: str):
        """A link that leads astray is no way out."""
        assert "not a place to sign out" in problems({"AUTHZ_SIGN_OUT_URL": url})


OPEN = [{"AUTH_ENABLED": "false"}, {"AUTH_MODE": "none"},
        {"AUTH_ENABLED": "false", "AUTH_MODE": "none"}]  # fmt: skip


def opened(environ: dict[str, str]) -> Settings:
    """Return the settings."""
    return read_settings({}, environ)


class TestOldSwitches:
    @pytest.mark.parametrize("switch", OPEN)
    def test_open_to_everyone(self, switch: dict[str, str]):
        """What it means to people on a private network, it goes on to mean."""
        settings = opened(switch)
        [grant] = settings.grants

        assert (grant.member, grant.role) == ("auth:open", "role:admin")
        assert str(grant.origin) == next(iter(switch))
        assert len(settings.warnings) == 1

    @pytest.mark.parametrize("switch", [{}, {"AUTH_ENABLED": ""}, {"AUTH_MODE": ""}])
    def test_unset_is_never_open(self, switch: dict[str, str]):
        """Nor is an empty value."""
        settings = opened(switch)

        assert settings.access.open_by is None
        assert settings.warnings == ()

    @pytest.mark.parametrize(
        ("switch", "more"),
        [
            ({"AUTH_ENABLED": "true"}, {}),
            ({"AUTH_MODE": "local"}, {}),
            ({"AUTH_MODE": "proxy"}, AUTHENTIK),
            ({"AUTH_ENABLED": "true", "AUTH_MODE": "proxy"}, HEADERS),
        ],
    )
    def test_closed(self, switch: dict[str, str], more: dict[str, str]):
        """The others change nothing, and say once that they will go."""
        settings = opened(switch | more)

        assert settings.access.open_by is None
        assert len(settings.warnings) == 1

    @pytest.mark.parametrize(
        "beside",
        [
            {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD": "correct horse battery"},
            {"AUTHZ_ADMIN": "alice"},
            {"AUTHZ_ACCOUNTS": "bob:user:correct horse battery"},
            {"API_TOKEN": "0123456789abcdef0123456789abcdef"},
            AUTHENTIK,
            HEADERS,
        ],
    )
    @pytest.mark.parametrize("switch", OPEN)
    def test_not_beside_a_door(self, switch: dict[str, str], beside: dict[str, str]):
        """Whoever configured a sign-in does not mean that nobody need sign in."""
        assert "it makes everybody an administrator" in problems(switch | beside)

    @pytest.mark.parametrize(
        "switch",
        [
            {"AUTH_ENABLED": "true", "AUTH_MODE": "none"},
            {"AUTH_ENABLED": "false", "AUTH_MODE": "local"},
            {"AUTH_ENABLED": "false", "AUTH_MODE": "proxy"},
        ],
    )
    def test_contradictions(self, switch: dict[str, str]):
        """Two switches that say different things stop the start."""
        assert "contradicts" in problems(switch)

    def test_a_mode_that_is_not_so(self):
        """A mode that the other settings deny stops the start."""
        assert "no proxy is configured" in problems({"AUTH_MODE": "proxy"})
        assert "a proxy is configured" in problems({"AUTH_MODE": "local"} | AUTHENTIK)

    def test_nonsense_is_not_false(self):
        """A value that cannot be read opens nothing."""
        for value in ("flase", "none", "null", "2"):
            with pytest.raises(SettingsError):
                opened({"AUTH_ENABLED": value})
