"""What the cookies of an app are called, and how far they travel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.errors import InvalidCredentials
from authz.identity.cookies import Cookie, CookieNames, CookieSettings
from authz.identity.source import RequestFacts


def facts(
    host: str = "nas.lan", scheme: str = "http", cookie: str = ""
) -> RequestFacts:
    """Return a request that came to *host*."""
    environ = {"HTTP_HOST": host, "wsgi.url_scheme": scheme}
    return RequestFacts(environ | ({"HTTP_COOKIE": cookie} if cookie else {}))


ONE = CookieNames(CookieSettings(), "one /srv/one")


def test_apps_on_one_host_have_names_of_their_own():
    """Browsers do not tell ports apart: neither two apps nor two copies may share."""
    other = CookieNames(CookieSettings(), "other /srv/other")
    names = [
        ONE.name(Cookie.SESSION, facts("nas.lan:8001")),
        ONE.name(Cookie.SESSION, facts("nas.lan:8002")),
        ONE.name(Cookie.SESSION, facts("nas.lan")),
        other.name(Cookie.SESSION, facts("nas.lan:8001")),
        other.name(Cookie.SESSION, facts("nas.lan")),
    ]

    assert len(set(names)) == len(names)


def test_a_name_stays():
    """From request to request, on IPv4 and IPv6, after a restart."""
    again = CookieNames(CookieSettings(), "one /srv/one")
    for host in ("nas.lan:8001", "192.0.2.1:8001", "[2001:db8::1]:8001"):
        assert again.beginning(facts(host)) == ONE.beginning(facts("nas.lan:8001"))
    for host in ("nas.lan", "[2001:db8::1]", "nas.lan:x", ""):
        assert ONE.beginning(facts(host)) == ONE.beginning(facts("nas.lan"))


def test_many_hosts_do_not_fill_the_memory():
    """A client chooses what stands in `Host`."""
    names = CookieNames(CookieSettings(), "one")
    first = names.beginning(facts("nas.lan:1"))
    for number in range(1000):
        names.beginning(facts(f"nas.lan:{number}"))

    assert names.beginning(facts("nas.lan:1")) == first


def test_a_name_of_the_operators():
    """Each cookie stands behind it, and is bound to its host over HTTPS."""
    names = CookieNames(CookieSettings(name="music"), "one")

    assert names.name(Cookie.SESSION, facts()) == "music"
    assert names.name(Cookie.FORM, facts("nas.lan:81")) == "music-form"
    assert names.name(Cookie.SESSION, facts(scheme="https")) == "__Host-music"
    assert names.name(Cookie.DRAFT, facts(scheme="https")) == "__Secure-music-draft"


def test_a_domain_is_for_the_sign_in_alone():
    """Who was in at one host was at all of them; a form stays where it was given."""
    names = CookieNames(CookieSettings(domain="home.example"), "one")
    https = facts("music.home.example", "https")
    shared = names.attributes(Cookie.SESSION, https)

    assert names.name(Cookie.SESSION, https).startswith("__Secure-authz-")
    assert shared["domain"] == "home.example"
    assert names.attributes(Cookie.DEVICE, https)["domain"] == "home.example"
    assert names.attributes(Cookie.FORM, https)["domain"] is None
    assert names.name(Cookie.DEVICE, https).startswith("__Secure-")
    assert names.name(Cookie.FORM, https).startswith("__Host-")
    other = CookieNames(CookieSettings(domain="home.example"), "other")
    assert other.name(Cookie.SESSION, facts("x.home.example:81")) == names.name(
        Cookie.SESSION, facts("music.home.example")
    )


@pytest.mark.parametrize(
    ("host", "outside"),
    [
        ("home.example", False),
        ("Music.Home.Example.:443", False),
        ("evilhome.example", True),
        ("192.0.2.1", True),
        ("[2001:db8::1]:80", True),
    ],
)
def test_a_host_outside_the_domain(host: str, *, outside: bool):
    """No browser would keep the cookie there."""
    names = CookieNames(CookieSettings(domain="home.example"), "one")

    assert names.is_outside(facts(host)) is outside
    assert not ONE.is_outside(facts(host))


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("", ()),
        ("a=1", ("1",)),
        ("b=2; a=1", ("1",)),
        ("a=1; a=2", ("1", "2")),
        ("a=1; a=1; a=1; a=1; a=1", ("1",)),
        ("xa=1; a-form=2", ()),
        ("a=1=2", ("1=2",)),
    ],
)
def test_what_came(header: str, values: tuple[str, ...]):
    """By the whole name and no other."""
    names = CookieNames(CookieSettings(name="a"))

    assert names.values(Cookie.SESSION, facts(cookie=header)) == values
    assert names.value(Cookie.SESSION, facts(cookie=header)) == (
        values[0] if len(values) == 1 else None
    )


@given(
    st.lists(
        st.sampled_from(("a=", "xa=", "a-form=", "1", "2", ";", "; ", " ", "\t", "=")),
        max_size=12,
    ).map("".join)
)
def test_what_is_plain_to_see_is_what_came(header: str):
    """The short way says nothing, or what the long one says."""
    names = CookieNames(CookieSettings(name="a"))
    try:
        values = names.values(Cookie.SESSION, facts(cookie=header))
    except InvalidCredentials:
        values = ()
    only = names.only_session(facts(cookie=header))

    assert only is None or values == (only,)


@pytest.mark.parametrize("header", ["a=1", "b=2; a=1", "a=1; b=2", "b=2; a=1 ; c=3"])
def test_what_browsers_send_is_plain_to_see(header: str):
    """One session cookie, wherever it stands among others."""
    names = CookieNames(CookieSettings(name="a"))

    assert names.only_session(facts(cookie=header)) == "1"


def test_more_than_a_browser_has():
    """They were planted, and are not looked up one by one."""
    names = CookieNames(CookieSettings(name="a"))

    with pytest.raises(InvalidCredentials, match="several-cookies"):
        names.values(
            Cookie.SESSION, facts(cookie="; ".join(f"a={n}" for n in range(5)))
        )
