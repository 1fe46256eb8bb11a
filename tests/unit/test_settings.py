"""Settings are read once, checked together, and all problems are said at once."""

from pathlib import Path

import pytest

from authz.errors import SettingsError
from authz.identity.cookies import CookieSettings
from authz.settings import SETTINGS, read_settings


def problems(config: dict[str, object], environ: dict[str, str] | None = None) -> str:
    """Return what is wrong with these settings."""
    with pytest.raises(SettingsError) as caught:
        read_settings(config, environ or {})
    return str(caught.value)


def accounts(environ: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """Return id, role, password and origin of the accounts that *environ* names."""
    settings = read_settings({}, environ)
    return [(a.name, a.role, a.password, str(a.origin)) for a in settings.accounts]


#: An issuer with nothing wrong.
AN_ISSUER = {
    "AUTHZ_JWT_HEADER": "X-Token",
    "AUTHZ_JWT_ISSUER": "https://idp.test",
    "AUTHZ_JWT_AUDIENCE": "music",
    "AUTHZ_JWT_SECRET": "s" * 32,
}


def test_nothing_set_is_fine():
    """Every setting has a default, and none of them opens anything."""
    settings = read_settings({}, {})

    assert settings.policy == Path("policy.csv")
    assert settings.accounts == ()
    assert settings.grants == ()
    assert settings.anonymous_role is None


def test_every_setting_is_read():
    """What the reference lists is what is read: a wrong value of each is a problem."""
    wrong = {
        "AUTHZ_ADMIN": "a/b",
        "AUTHZ_ADMIN_PASSWORD": "$2b$12$abcdefghijklmnopqrstuv",
        "AUTHZ_USER": " ",
        "AUTHZ_USER_PASSWORD": "$1$x$",
        "AUTHZ_ACCOUNTS": "no colon",
        "AUTHZ_ANONYMOUS_ROLE": "admin",
        "AUTHZ_API_PREFIXES": "api",
        "AUTHZ_LANDING": "//evil.test",
        "AUTHZ_URL_PREFIX": "/",
        "AUTHZ_TRUSTED_ORIGINS": "music.home",
        "AUTHZ_MOUNTS": "x y",
        "AUTHZ_COOKIE_SECURE": "maybe",
        "AUTHZ_COOKIE_NAME": "a b",
        "AUTHZ_BASIC_AUTH": "perhaps",
        "AUTHZ_COOKIE_DOMAIN": "co.uk",
        "AUTHZ_SESSION_HOURS": "0",
        "AUTHZ_SESSION_IDLE_MINUTES": "-1",
        "AUTHZ_POLL_SECONDS": "nan",
        "AUTHZ_AUDIT_ALLOWS": "perhaps",
        "AUTHZ_STORE": "mysql://u:geheim@h/d",
        "AUTHZ_REVISIONS_KEPT": "1.5",
        "AUTHZ_MAX_STALE": "0",
        "AUTHZ_REDIS_URL": "http://:geheim@h",
        "AUTHZ_ADMIN_ENABLED": "1x",
        "AUTHZ_POLICY_WRITABLE": "yes please",
        "AUTHZ_METRICS": "some",
        "AUTHZ_AUDIT_MAX_MB": "-1",
        "AUTHZ_AUDIT_DAYS": "never",
        "AUTHZ_AUDIT_KEEP": "1.5",
        "AUTHZ_AUDIT_SYNC": "never",
        "AUTHZ_PROXY_PRESET": "authentic",
        "AUTHZ_PROXY_NAME": "local",
        "AUTHZ_TRUSTED_PROXIES": "*",
        "AUTHZ_USER_HEADER": "X_User",
        "AUTHZ_GROUPS_HEADER": "X Groups",
        "AUTHZ_GROUPS_SEPARATOR": "and",
        "AUTHZ_FORWARDED_PROXIES": "*",
        "AUTHZ_NAME_HEADER": "Cookie",
        "AUTHZ_PROXY_SECRET_HEADER": "a:b",
        "AUTHZ_PROXY_SECRET": "short",
        "AUTHZ_UNDERSCORES_STRIPPED": "surely",
        "AUTHZ_ADMIN_GROUPS": "a*",
        "AUTHZ_USER_GROUPS": 'x"y',
        "AUTHZ_SIGN_OUT_URL": "//evil.test",
        "AUTHZ_JWT_PRESET": "authelia",
        "AUTHZ_JWT_NAME": "A",
        "AUTHZ_JWT_HEADER": "Host",
        "AUTHZ_JWT_ISSUER": " x",
        "AUTHZ_JWT_AUDIENCE": ",",
        "AUTHZ_JWT_ALGORITHMS": "none",
        "AUTHZ_JWT_JWKS_URL": "http://idp.test/jwks",
        "AUTHZ_JWT_JWKS_FILE": "/nowhere",
        "AUTHZ_JWT_PEM": "-----BEGIN PUBLIC KEY-----",
        "AUTHZ_JWT_PEM_URL": "https://user@idp.test/",
        "AUTHZ_JWT_SECRET": "too short",
        "AUTHZ_JWT_SUBJECT": "a..b",
        "AUTHZ_JWT_DISPLAY_NAME": "[",
        "AUTHZ_JWT_GROUPS": "groups[",
        "AUTHZ_JWT_GROUPS_SEPARATOR": "x",
        "AUTHZ_JWT_REQUIRE": "azp",
        "AUTHZ_JWT_LEEWAY": "61",
        "AUTHZ_JWT_MAX_HOURS": "0",
        "AUTHZ_JWT_KEY_GRACE_HOURS": "-1",
        "AUTHZ_API_TOKEN": "short",
        "AUTHZ_API_TOKEN_ROLE": "everyone",
        "AUTH_ENABLED": "maybe",
        "AUTH_MODE": "open",
        "AUTHZ_MODE": "off",
        "AUTHZ_SCOPES_FILE": "nowhere.csv",
        "AUTHZ_SCOPED_GROUPS": "music-* user",
        "AUTHZ_FORWARD_PORTAL": "auth.home.test",
        "AUTHZ_FORWARD_PEERS": "*",
        "AUTHZ_FORWARD_HOSTS": "https://grafana.home.test/path",
        "AUTHZ_FORWARD_KEYS": "no key",
        "AUTHZ_FORWARD_SEAL": "no secret",
        "AUTHZ_AUTHZEN": "perhaps",
        "AUTHZ_AUTHZEN_PREFIX": "access",
        "AUTHZ_AUTHZEN_URL": "http://pdp.test",
        "AUTHZ_AUTHZEN_TABLE": "nowhere.csv",
    }
    any_text = {
        "AUTHZ_POLICY",
        "AUTHZ_POLICY_SEED",
        "AUTHZ_MODEL",
        "AUTHZ_CONTACT",
        "AUTHZ_ERROR_HANDLERS",
        "AUTHZ_AUDIT_FILE",
        "AUTHZ_SHADOW_POLICY",
    }

    assert {setting.name for setting in SETTINGS} == set(wrong) | any_text
    for name, value in wrong.items():
        companion = {
            "AUTHZ_ADMIN_PASSWORD": {"AUTHZ_ADMIN": "alice"},
            "AUTHZ_USER_PASSWORD": {"AUTHZ_USER": "bob"},
        }.get(name, {})
        if name.startswith("AUTHZ_JWT_"):
            companion = {**AN_ISSUER, **companion}
        said = problems({**companion, name: value})
        assert name in said or name.endswith("PASSWORD")


def test_all_problems_are_said_at_once():
    """An operator mends everything in one go."""
    text = problems(
        {"AUTHZ_LANDING": "map", "AUTHZ_POLCY": "x", "AUTHZ_SESSION_HOURS": "long"}
    )

    assert len(text.splitlines()) == 3
    assert "did you mean `AUTHZ_POLICY`?" in text


@pytest.mark.parametrize("where", ["config", "environment"])
def test_an_unknown_setting_is_a_problem(where: str):
    """A misspelled setting is never silently ignored."""
    unknown = {"AUTHZ_ADMINS": "alice"}
    config, environ = (unknown, {}) if where == "config" else ({}, unknown)

    assert "there is no such setting" in problems(dict(config), environ)


def test_the_config_comes_before_the_environment():
    """What the app sets in code is what holds."""
    settings = read_settings({"AUTHZ_LANDING": "/map"}, {"AUTHZ_LANDING": "/chat"})

    assert settings.landing == "/map"


def test_values_from_code_need_not_be_text():
    """An app may put lists, numbers and booleans into its config."""
    settings = read_settings(
        {
            "AUTHZ_API_PREFIXES": ["/api", "/chat/api/"],
            "AUTHZ_SESSION_HOURS": 1.5,
            "AUTHZ_AUDIT_ALLOWS": True,
            "AUTHZ_COOKIE_SECURE": "auto",
            "AUTHZ_POLICY": Path("other.csv"),
        },
        {},
    )

    assert settings.api_prefixes == ("/api", "/chat/api")
    assert settings.session_hours == 1.5
    assert settings.audit_allows is True
    assert settings.cookies == CookieSettings()
    assert settings.policy == Path("other.csv")


class TestAccounts:
    def test_admin_and_user(self):
        """AUTHZ_ADMIN and AUTHZ_USER make accounts; the setting is the origin."""
        assert accounts(
            {
                "AUTHZ_ADMIN": "alice",
                "AUTHZ_ADMIN_PASSWORD": "correct horse",
                "AUTHZ_USER": "bob",
                "AUTHZ_USER_PASSWORD": "battery staple",
            }
        ) == [
            ("alice", "role:admin", "correct horse", "AUTHZ_ADMIN"),
            ("bob", "role:user", "battery staple", "AUTHZ_USER"),
        ]

    def test_they_become_grants(self):
        """Each account holds its role by a grant that names the setting."""
        settings = read_settings(
            {},
            {
                "AUTHZ_ADMIN": "alice",
                "AUTHZ_ADMIN_PASSWORD": "correct horse",
                "AUTHZ_USER": "bob",
                "AUTHZ_ANONYMOUS_ROLE": "demo",
            },
        )

        assert [(g.member, g.role, str(g.origin)) for g in settings.grants] == [
            ("user:alice", "role:admin", "AUTHZ_ADMIN"),
            ("auth:anonymous", "role:demo", "AUTHZ_ANONYMOUS_ROLE"),
        ]

    def test_short_names_work_too(self):
        """ADMIN, ADMIN_PASSWORD, USER and USER_PASSWORD are understood."""
        assert accounts(
            {
                "ADMIN": "alice",
                "ADMIN_PASSWORD": "correct horse",
                "USER": "bob",
                "USER_PASSWORD": "battery staple",
            }
        ) == [
            ("alice", "role:admin", "correct horse", "ADMIN"),
            ("bob", "role:user", "battery staple", "USER"),
        ]

    def test_the_shells_own_user_is_nobody(self):
        """Every Unix shell sets USER; alone it makes no account and no problem."""
        assert accounts({"USER": "root"}) == []
        assert accounts(
            {
                "USER": "root",
                "AUTHZ_USER": "bob",
                "AUTHZ_USER_PASSWORD": "battery staple",
            }
        ) == [("bob", "role:user", "battery staple", "AUTHZ_USER")]

    def test_user_counts_with_a_password_file(self, tmp_path: Path):
        """USER together with USER_PASSWORD_FILE makes an account."""
        secret = tmp_path / "secret"
        secret.write_text("battery staple\n")

        assert accounts({"USER": "bob", "USER_PASSWORD_FILE": str(secret)}) == [
            ("bob", "role:user", "battery staple", "USER")
        ]

    def test_both_spellings_are_a_problem(self):
        """Two names for one setting could disagree, now or later."""
        text = problems({}, {"ADMIN": "alice", "AUTHZ_ADMIN": "anna"})

        assert "AUTHZ_ADMIN and ADMIN are both set" in text

    def test_any_number_more(self):
        """AUTHZ_ACCOUNTS holds one account a line; the password is all the rest."""
        text = "carol:user:a:b c,d;e\n\n# a comment\ndave:role:editor:pass phrase\n"

        assert accounts({"AUTHZ_ACCOUNTS": text}) == [
            ("carol", "role:user", "a:b c,d;e", "AUTHZ_ACCOUNTS:1"),
            ("dave", "role:editor", "pass phrase", "AUTHZ_ACCOUNTS:4"),
        ]

    def test_an_account_in_some_scopes(self):
        """In brackets behind the role, each by itself; an id may hold brackets too."""
        text = (
            "a:user[library:kids]:p:[x]\nb:role:user[library:k]s, é][library:*]:pw\n"
            "c:user[*]:[pass]:word\nd:user:[no scope]:pw\n"
        )
        found = read_settings({}, {"AUTHZ_ACCOUNTS": text}).accounts

        assert [(each.scopes, each.password) for each in found] == [
            (("library:kids",), "p:[x]"),
            (("library:k]s, é", "library:*"), "pw"),
            (("*",), "[pass]:word"),
            ((), "[no scope]:pw"),
        ]

    @pytest.mark.parametrize(
        "role", ["user[]", "user[kids]", "user[library:..]", "user[library:k*]",
                 "user[library:kids", "user[library:kids]x", "[library:kids]"],
    )  # fmt: skip
    def test_an_account_in_what_is_no_scope(self, role: str):
        """It is refused, and has no role anywhere."""
        assert "AUTHZ_ACCOUNTS:1" in problems({}, {"AUTHZ_ACCOUNTS": f"a:{role}:pw"})

    def test_names_that_look_alike_are_one_too_many(self):
        """Two accounts whose ids differ only in case or width would be mistaken."""
        text = "carol:user:battery staple\n\uff23arol:admin:correct horse\n"

        assert "already named by" in problems({}, {"AUTHZ_ACCOUNTS": text})

    @pytest.mark.parametrize(
        "twin",
        ["c\u0430rol", "car\u03bfl", "\u0441\u0430r\u043el", "caro1", "CAROL"],
    )
    def test_other_alphabets_look_alike_too(self, twin: str):
        """Letters that cannot be told apart are one (UTS #39)."""
        text = f"carol:user:battery staple\n{twin}:admin:correct horse\n"

        assert "looks like `carol`" in problems({}, {"AUTHZ_ACCOUNTS": text})

    @pytest.mark.parametrize(
        "hidden", ["\u3164", "\uffa0", "\u034f", "\ufe0f", "\u17b4", "\u180b", "\u115f"]
    )
    def test_nothing_in_an_id_is_hidden(self, hidden: str):
        """Two accounts would be one to a reader."""
        for id_ in (f"env{hidden}admin", f"admin{hidden}"):
            assert "cannot be an account id" in problems({}, {"AUTHZ_ADMIN": id_})

    @pytest.mark.parametrize(
        "id_", ["\u0438\u0432\u0430\u043d", "\u674e\u96f7", "zo\u00eb"]
    )
    def test_other_alphabets_are_allowed(self, id_: str):
        """People keep the names they have."""
        environ = {"AUTHZ_ADMIN": id_, "AUTHZ_ADMIN_PASSWORD": "correct horse"}

        assert read_settings({}, environ).accounts[0].name == id_

    def test_a_byte_order_mark_is_no_part_of_a_secret(self, tmp_path: Path):
        """Editors on Windows put one in front of a file."""
        file = tmp_path / "secret"
        file.write_bytes(b"\xef\xbb\xbfcorrect horse\r\n\r\n")
        environ = {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD_FILE": str(file)}

        assert read_settings({}, environ).accounts[0].password == "correct horse"

    @pytest.mark.parametrize(
        "text",
        [
            '"correct horse"',
            "'correct horse'",
            '"correct horse"\r',
            "'correct horse' # mine",
            "\u201ccorrect horse\u201d",
            "\ufeffhorse",
            "horse\r",
        ],
    )
    def test_what_an_env_file_leaves_in_is_said(self, text: str):
        """Docker takes quotes and carriage returns as they stand."""
        found = problems({}, {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD": text})

        assert "count" in found
        assert "horse" not in found

    @pytest.mark.parametrize(
        "text", ["${PASSWORD}", "${PASSWORD:-}", "$ADMIN_PASSWORD", "{{ password }}"]
    )
    def test_a_variable_that_nothing_filled_in_is_no_value(self, text: str):
        """It stands in a file that anybody may have read."""
        found = problems({}, {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD": text})

        assert "nothing has filled in" in found

    def test_a_claim_may_be_spelled_in_quotes(self):
        """JMESPath needs them around odd characters; in single ones it is no claim."""
        issuer = AN_ISSUER | {"AUTHZ_JWT_GROUPS": '"https://example.org/groups"'}

        assert read_settings({}, issuer).proxy.issuers[0].groups
        assert "quotes" in problems({}, AN_ISSUER | {"AUTHZ_JWT_SUBJECT": "'sub'"})

    def test_a_password_without_an_id(self):
        """A password that belongs to nobody is a mistake."""
        assert "no id" in problems({}, {"AUTHZ_ADMIN_PASSWORD": "correct horse"})

    def test_secrets_are_not_shown(self):
        """Neither the settings nor a problem show a password."""
        environ = {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD": "correct horse"}

        assert "correct" not in repr(read_settings({}, environ))
        bad = {**environ, "AUTHZ_ADMIN_PASSWORD": "$2b$12$secretsecretsecret"}
        assert "secretsecret" not in problems({}, bad)

    @pytest.mark.parametrize(
        "domain",
        ["com", "co.uk", "github.io", "localhost", "192.0.2.1", "::1", "a_b.c"],
    )
    def test_a_domain_of_everybodys_is_refused(self, domain: str):
        """A host of somebody else could read the session."""
        assert "AUTHZ_COOKIE_DOMAIN" in problems({}, {"AUTHZ_COOKIE_DOMAIN": domain})

    def test_a_domain_of_ones_own(self):
        """It may be written with a dot in front, as it was before RFC 6265."""
        for text in ("home.example.org", ".Home.Example.org.", "music.lan"):
            settings = read_settings({}, {"AUTHZ_COOKIE_DOMAIN": text})
            assert settings.cookies.domain == text.strip(".").lower()

    @pytest.mark.parametrize(
        ("damaged", "why"),
        [
            ("=19=47104,t=1,p=1", "lost a part on the way"),
            ("$$argon2id$$v=19$$m=47104,t=1,p=1$$c2FsdA$$aGFzaA", "lost a part"),
            ("$argon2id$v=19$m=47104,t=1,p=1", "lost a part"),
            ("{SSHA}c2FsdHNhbHRzYWx0c2FsdA==", "a hash of another kind"),
        ],
    )
    def test_a_damaged_hash_is_no_password(
        self, damaged: str, why: str, tmp_path: Path
    ):
        """Compose took `$x` for a variable, and what is left would be the password."""
        file = tmp_path / "secret"
        file.write_text(f"{damaged}\n")
        for environ in (
            {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD": damaged},
            {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD_FILE": str(file)},
            {"AUTHZ_ACCOUNTS": f"carol:user:{damaged}"},
        ):
            found = problems({}, environ)
            assert why in found
            assert damaged not in found
            assert "$$" in found or "authz hash-password" in found

    @pytest.mark.parametrize(
        "password", ["short", "alice", "changeme", "alice-alice", "password1234567"]
    )
    def test_a_weak_password_is_said(self, password: str):
        """What is easy to guess starts with a warning."""
        settings = read_settings(
            {}, {"AUTHZ_ADMIN": "alice", "AUTHZ_ADMIN_PASSWORD": password}
        )

        assert "easy to guess" in str(settings.warnings[0])
        assert "four words" in str(settings.warnings[0])

    def test_no_password_is_said(self):
        """An account that nobody can sign in to starts with a warning."""
        settings = read_settings({}, {"AUTHZ_ADMIN": "alice"})

        assert "has no password" in str(settings.warnings[0])


class TestFiles:
    @pytest.mark.parametrize("name", ["AUTHZ_ADMIN", "AUTHZ_USER", "AUTHZ_ACCOUNTS"])
    def test_each_may_come_from_a_file(self, name: str, tmp_path: Path):
        """`<NAME>_FILE` is read, without the newline at its end."""
        value = {
            "AUTHZ_ACCOUNTS": "carol:user:battery staple",
            "AUTHZ_STORE": "sqlite:///carol",
            "AUTHZ_REDIS_URL": "redis://carol",
        }.get(name, "carol")
        path = tmp_path / "value"
        path.write_text(value + "\r\n")
        settings = read_settings({}, {f"{name}_FILE": str(path)})
        named = [account.name for account in settings.accounts]

        assert [*named, settings.store.url, settings.store.redis].count(
            value if "://" in value else "carol"
        ) == 1

    @pytest.mark.parametrize("name", [s.name for s in SETTINGS if s.from_file])
    def test_a_file_that_is_missing_is_a_problem(self, name: str):
        """Whatever may come from a file must be there if it is named."""
        assert "cannot be read" in problems({}, {f"{name}_FILE": "/nowhere"})

    def test_both_is_a_problem(self, tmp_path: Path):
        """A value and a file at once: which one holds cannot be known."""
        path = tmp_path / "value"
        path.write_text("correct horse")
        environ = {
            "AUTHZ_ADMIN": "alice",
            "AUTHZ_ADMIN_PASSWORD": "correct horse",
            "AUTHZ_ADMIN_PASSWORD_FILE": str(path),
        }

        assert "both set" in problems({}, environ)

    @pytest.mark.parametrize("content", [None, b"\xff\xfe"])
    def test_a_file_that_cannot_be_read(self, content: bytes | None, tmp_path: Path):
        """A secret that is missing or no text stops the start."""
        path = tmp_path / "value"
        if content is not None:
            path.write_bytes(content)

        text = problems({}, {"AUTHZ_ADMIN_FILE": str(path)})

        assert "cannot be read" in text

    def test_not_everything_may(self):
        """Only what may hold a secret has a `_FILE` form."""
        assert "no such setting" in problems({}, {"AUTHZ_LANDING_FILE": "/x"})


class TestAnonymousRole:
    @pytest.mark.parametrize("role", ["admin", "role:admin"])
    def test_admin_is_refused(self, role: str):
        """Nobody is made administrator by not signing in."""
        assert "anybody on the network" in problems({"AUTHZ_ANONYMOUS_ROLE": role})

    @pytest.mark.parametrize("role", ["everyone", "user:bob", "a b", "role:"])
    def test_it_must_be_a_role(self, role: str):
        """It is the name of a role that can be given."""
        assert "not a role" in problems({"AUTHZ_ANONYMOUS_ROLE": role})

    def test_the_kind_may_be_left_out(self):
        """`demo` and `role:demo` are the same."""
        for text in ("demo", "role:demo"):
            assert read_settings({"AUTHZ_ANONYMOUS_ROLE": text}, {}).anonymous_role == (
                "role:demo"
            )


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:///authz.db",
        "sqlite:////srv/authz.db",
        "postgresql://authz:geheim@db.home:5432/authz",
        "postgres:///authz?host=/run/postgresql",
    ],
)
def test_a_store_is_an_address(address: str):
    """It is kept as it is, and not shown: it may hold a password."""
    settings = read_settings({"AUTHZ_STORE": address}, {})

    assert settings.store.url == address
    assert settings.store.holds_rules
    assert "authz.db" not in repr(settings)
    assert "geheim" not in repr(settings)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://geheim/authz.db",
        "postgresql://user:geheim@host",
        "authz.db",
        "postgresql://[geheim/x",
    ],
)
def test_what_is_no_store_is_refused(address: str):
    """The message says what to write, and does not repeat what may be a password."""
    said = problems({"AUTHZ_STORE": address})

    assert "not the address of a database" in said
    assert "geheim" not in said


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("postgresql://u:ge@heim@127.0.0.1:1/x", "write `%40` for `@`"),
        ("postgresql://u:ge#heim@127.0.0.1:1/x", "`%23` for `#`"),
        ("postgresql://u:ge?heim@127.0.0.1:1/x", "`%3F` for `?`"),
        ("postgresql://u:ge/heim@127.0.0.1:1/x", "`%2F` for `/`"),
        ("postgresql://u:geheim@db.home:heim/x", "the port is not a number"),
        ("mysql+pymysql://u:geheim@h/x", "MySQL is not supported"),
        ("mariadb://u:geheim@h/x", "MariaDB is not supported"),
        ("postgresql+asyncpg://u:geheim@h/x", "write `postgresql://`"),
    ],
)
def test_what_is_wrong_with_an_address_is_said_in_one_sentence(address: str, hint: str):
    """And no part of a password is repeated."""
    said = problems({"AUTHZ_STORE": address})

    assert hint in said
    assert "\n" not in said
    assert "heim@" not in said


def test_a_policy_file_beside_a_store_holds_the_rules():
    """There is one place for rules; the file wins, and a seed has no use."""
    settings = read_settings(
        {
            "AUTHZ_STORE": "sqlite:///authz.db",
            "AUTHZ_POLICY": "policy.csv",
            "AUTHZ_POLICY_SEED": "seed.csv",
        },
        {},
    )

    assert not settings.store.holds_rules
    assert [warning.where for warning in settings.warnings] == ["AUTHZ_POLICY_SEED"]
