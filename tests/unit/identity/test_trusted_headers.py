"""Plain headers are believed from listed proxies, and from nobody else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.peers import peers
from authz.identity.source import RequestFacts
from authz.identity.trusted_headers import HeaderNames, ProxySecret, TrustedHeaders
from authz.identity.why import Why

NAMES = HeaderNames(
    user="Remote-User",
    groups="Remote-Groups",
    display_name="Remote-Name",
    others=("Remote-Email",),
)
PROXY = "172.18.0.5"


def request(peer: str = PROXY, **headers: str) -> RequestFacts:
    """Return a request of *peer* with headers, `Remote_User` for `Remote-User`."""
    environ: dict[str, Any] = {
        "REMOTE_ADDR": peer,
        "SERVER_SOFTWARE": "gunicorn/27.0.1",
    }
    environ |= {f"HTTP_{name.upper()}": value for name, value in headers.items()}
    return RequestFacts(environ)


def source(**changes: Any) -> TrustedHeaders:
    """Return a source that believes the proxy."""
    return TrustedHeaders(
        "authelia", **{"names": NAMES, "proxies": peers(PROXY), **changes}
    )


def identified(facts: RequestFacts, **changes: Any) -> Subject:
    """Return whom the headers speak of."""
    subject = source(**changes).identify(facts)
    assert subject is not None
    return subject


def why(facts: RequestFacts, **changes: Any) -> str:
    """Return why the headers are refused."""
    with pytest.raises(InvalidCredentials) as caught:
        source(**changes).identify(facts)
    assert caught.value.source == "authelia"
    return caught.value.why


class TestFromTheProxy:
    def test_who_it_is(self):
        """The headers name the person, their groups and what to call them."""
        subject = identified(
            request(
                Remote_User="bob", Remote_Groups="users,music fans", Remote_Name="Bob"
            )
        )

        assert subject.name == "user:authelia/bob"
        assert subject.display_name == "Bob"
        assert subject.names == {
            "user:authelia/bob",
            "group:users",
            "group:music fans",
            "auth:headers",
            "role:everyone",
            "role:authenticated",
        }

    @pytest.mark.parametrize("groups", ["", ",", " , ,"])
    def test_no_groups(self, groups: str):
        """Empty means none."""
        subject = identified(request(Remote_User="bob", Remote_Groups=groups))

        assert not [n for n in subject.names if n.startswith("group:")]

    @pytest.mark.parametrize(
        ("separator", "value", "expected"),
        [
            (",", "a, b", {"group:a", "group:b"}),
            ("|", "a|b,c", {"group:a", "group:b,c"}),
            (";", "a; b ;", {"group:a", "group:b"}),
        ],
    )
    def test_separators(self, separator: str, value: str, expected: set[str]):
        """Each proxy has its own."""
        names = HeaderNames(user="X-User", groups="X-Groups", separator=separator)
        subject = identified(request(X_User="bob", X_Groups=value), names=names)

        assert {n for n in subject.names if n.startswith("group:")} == expected

    def test_utf_8(self):
        """WSGI hands on bytes as Latin-1; the proxy sent UTF-8."""
        value = "José".encode().decode("latin-1")

        assert identified(request(Remote_User=value)).name == "user:authelia/José"

    def test_empty_is_absent(self):
        """A proxy may send an empty header for nobody."""
        assert source().identify(request(Remote_User="")) is None
        assert (
            source().identify(request(Remote_User="", Remote_Groups="admins")) is None
        )
        assert source().identify(request(Remote_Groups="admins")) is None
        assert source().identify(request()) is None

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("bob,alice", Why.SEVERAL_VALUES),
            ("bob, alice", Why.SEVERAL_VALUES),
            ("bob,", Why.SEVERAL_VALUES),
            (",bob", Why.SEVERAL_VALUES),
            ("bob\x00", Why.BAD_CHARACTERS),
            ("bob\r\nRemote-Groups: admins", Why.BAD_CHARACTERS),
            ("b\tb", Why.BAD_CHARACTERS),
            ("\x7f", Why.BAD_CHARACTERS),
            ("Jos\xe9", Why.BAD_CHARACTERS),  # Latin-1, not UTF-8
            ("\ud800", Why.BAD_CHARACTERS),
            ("\u20ac", Why.BAD_CHARACTERS),  # no byte at all
            ("Jose\u0301".encode().decode("latin-1"), Why.BAD_CHARACTERS),
            ("\u202eob".encode().decode("latin-1"), Why.BAD_CHARACTERS),
            ("{http.reverse_proxy.header.Remote-User}", Why.BAD_CHARACTERS),
            ("${user}", Why.BAD_CHARACTERS),
            ("*", Why.NAME_NOT_ALLOWED),
            ("a/b", Why.NAME_NOT_ALLOWED),
            (" bob", Why.NAME_NOT_ALLOWED),
            (" ", Why.NAME_NOT_ALLOWED),
            ("a\\b", Why.NAME_NOT_ALLOWED),
            ("n" * 201, Why.NAME_NOT_ALLOWED),
            ("n" * 9000, Why.TOO_LONG),
        ],
    )
    def test_a_bad_value(self, value: str, reason: Why):
        """A value that could be two, or cannot be a name, is nobody's."""
        assert why(request(Remote_User=value)) == reason

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            ("x" * 9000, Why.TOO_LONG),
            ("CN=guests,OU=Groups,DC=example,DC=org", Why.LDAP_NAME_CUT),
            ("cn=guests , ou=groups", Why.LDAP_NAME_CUT),
            ("users,DC=example", Why.LDAP_NAME_CUT),
            ("O=Example,C=US", Why.LDAP_NAME_CUT),
            (",".join(f"g{n}" for n in range(513)), Why.TOO_MANY_GROUPS),
        ],
    )
    def test_bad_groups(self, value: str, reason: Why):
        """What cannot be read as a list of groups refuses the request."""
        assert why(request(Remote_User="bob", Remote_Groups=value)) == reason

    @pytest.mark.parametrize(
        "foreign",
        [
            "admins\x00",
            "\xff",
            "{http.reverse_proxy.header.Remote-Groups}",
            "a*",
            "x" * 201,
            "CORP\\Domain Users",
            "music  fans",
            "Cafe\u0301".encode().decode("latin-1"),
            "\u3164".encode().decode("latin-1"),
        ],
    )
    def test_a_foreign_group_is_dropped(self, foreign: str):
        """What no policy can name decides nothing, and is kept for whoever looks."""
        subject = identified(
            request(Remote_User="bob", Remote_Groups=f"users,{foreign},music")
        )

        assert subject.groups.names == {"group:users", "group:music"}
        assert subject.groups.names < subject.names
        [dropped] = subject.groups.dropped
        assert dropped.why
        assert dropped.text in subject.groups.delivered
        assert subject.groups.place == "the header `Remote-Groups`"

    def test_a_separator_that_no_ldap_name_holds(self):
        """Then whole LDAP names are groups like others."""
        names = HeaderNames(user="X-User", groups="X-Groups", separator=";")
        value = "CN=guests,OU=Groups,DC=example;CN=music,OU=Groups,DC=example"

        subject = identified(request(X_User="bob", X_Groups=value), names=names)

        assert "group:CN=guests,OU=Groups,DC=example" in subject.names

    @pytest.mark.parametrize(
        ("value", "shown"),
        [
            ("Bob {the builder}", "Bob {the builder}"),
            ("Jose\u0301".encode().decode("latin-1"), "José"),
            ("Bob\x00", "bob"),
            ("Bob\xff", "Bob"),
            ("x" * 9000, "bob"),
            ("", "bob"),
        ],
    )
    def test_a_display_name_refuses_nobody(self, value: str, shown: str):
        """It decides nothing: what cannot be shown is left out."""
        subject = identified(request(Remote_User="bob", Remote_Name=value))

        assert subject.display_name == shown

    def test_a_refusal_names_the_header_and_what_it_holds(self):
        """So that whoever reads the log knows where to look."""
        with pytest.raises(InvalidCredentials) as caught:
            source().identify(request(Remote_User="a/b"))

        assert caught.value.place == "the header `Remote-User`"
        assert caught.value.value == "a/b"

    @given(st.text(st.characters(max_codepoint=255)))
    def test_any_bytes(self, value: str):
        """Whatever the header holds, the answer is a subject, nobody or a reason."""
        try:
            subject = source().identify(request(Remote_User=value, Remote_Groups=value))
        except InvalidCredentials as error:
            assert error.why in set(Why)
        else:
            assert (subject is None) == (value == "")


class TestFromElsewhere:
    @pytest.mark.parametrize("peer", ["172.18.0.6", "", "localhost", "nonsense", "::1"])
    def test_nobody_is_believed(self, peer: str):
        """Headers from another peer say nothing, and are no reason to refuse."""
        assert source().identify(request(peer, Remote_User="alice")) is None

    def test_the_app_does_not_see_them(self):
        """Nor can the app believe them by mistake: they are gone."""
        facts = request(
            "1.2.3.4", Remote_User="alice", Remote_Groups="admins", Remote_Email="a@b",
            Other="x",
        )  # fmt: skip
        source().identify(facts)

        assert sorted(k for k in facts.environ if k.startswith("HTTP_")) == [
            "HTTP_OTHER"
        ]

    def test_a_group_alone_is_taken_away_too(self):
        """So is a header that authz itself would not have read."""
        facts = request("1.2.3.4", Remote_Email="root@example.org")
        source().identify(facts)

        assert "HTTP_REMOTE_EMAIL" not in facts.environ

    def test_it_is_reported(self):
        """The operator can see who tries, and with which header."""
        seen: list[tuple[str, str]] = []
        asked = source(
            on_ignored=lambda facts, header: seen.append((facts.peer, header))
        )
        asked.identify(request("1.2.3.4", Remote_User="alice"))
        asked.identify(request("1.2.3.4"))
        asked.identify(request(PROXY, Remote_User="alice"))

        assert seen == [("1.2.3.4", "Remote-User")]

    def test_proxy_fix_does_not_help(self):
        """A client cannot become the proxy by `X-Forwarded-For`."""
        facts = request(PROXY, Remote_User="alice")
        facts.environ["werkzeug.proxy_fix.orig"] = {  # type: ignore[index]
            "REMOTE_ADDR": "203.0.113.9"
        }

        assert source().identify(facts) is None

    def test_nobody_is_listed(self):
        """An empty list is nobody, a Unix socket included."""
        assert source(proxies=peers("")).identify(request("", Remote_User="a")) is None


class TestSecret:
    SECRET = ProxySecret(header="X-Proxy-Secret", value="0123456789abcdef")

    def test_right(self):
        """A proxy that shows the secret is believed."""
        facts = request(Remote_User="bob", X_Proxy_Secret="0123456789abcdef")

        assert identified(facts, secret=self.SECRET)

    @pytest.mark.parametrize(
        "given", [None, "", "0123456789abcde", "0123456789abcdef,x", "\xff", "\ud800"]
    )
    def test_wrong(self, given: str | None):
        """One that does not is refused, at its own address even."""
        headers = {} if given is None else {"X_Proxy_Secret": given}

        assert (
            why(request(Remote_User="bob", **headers), secret=self.SECRET)
            == Why.WRONG_PROXY_SECRET
        )

    def test_it_is_not_shown(self):
        """The secret stands in no representation."""
        assert "0123456789abcdef" not in repr(self.SECRET)


class TestServers:
    @pytest.mark.parametrize(
        "software",
        ["gunicorn/22.0.0", "gunicorn/27.0.1", "gunicorn/100", "waitress",
         "waitress/3.0", "gevent/26.9", "Werkzeug/3.1.9"],
    )  # fmt: skip
    def test_that_drop_underscores(self, software: str):
        """Servers that were measured to drop `X_User` are believed."""
        facts = request(Remote_User="bob")
        facts.environ["SERVER_SOFTWARE"] = software  # type: ignore[index]

        assert identified(facts)

    @pytest.mark.parametrize(
        "software",
        ["Granian", "Cheroot/11.1.2", "gunicorn/21.2.0", "gunicorn/2", "", None, 5,
         "uWSGI", "hypercorn-h11", "my waitress"],
    )  # fmt: skip
    def test_that_may_not(self, software: Any):
        """Others, and those that do not say who they are, prove nothing."""
        facts = request(Remote_User="bob")
        facts.environ["SERVER_SOFTWARE"] = software  # type: ignore[index]

        assert why(facts) == Why.MERGING_SERVER
        assert identified(facts, underscores_stripped=True)
