"""Where a request comes from, behind proxies that are listed or not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.identity.client_address import ClientAddress, ClientAddresses
from authz.identity.peers import peers

PROXIES = ClientAddresses(peers("172.18.0.2, 10.0.0.0/24, fd00::/64, unix:"))
XFF, FORWARDED = "HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED"
SERVER = {"SERVER_SOFTWARE": "gunicorn/27.0.1"}


def client(peer: str, **headers: str) -> str:
    """Return who is behind *peer*, as the app of `PROXIES` sees it."""
    return str(PROXIES.of(peer, {**SERVER, **headers}))


@pytest.mark.parametrize(
    ("peer", "value", "expected"),
    [
        ("172.18.0.2", "203.0.113.7", "203.0.113.7"),
        # What the client wrote stands left of what the proxy added.
        ("172.18.0.2", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("172.18.0.2", "10.0.0.5, 203.0.113.7", "203.0.113.7"),
        # Two proxies, both listed; and one that is not.
        ("172.18.0.2", "198.51.100.1, 203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("172.18.0.2", "203.0.113.7, 10.0.1.9", "10.0.1.9"),
        # Nobody but listed proxies.
        ("172.18.0.2", "10.0.0.8, 10.0.0.9", "10.0.0.8"),
        ("192.0.2.1", "203.0.113.7", "192.0.2.1"),
        ("", "203.0.113.7", "203.0.113.7"),
        ("localhost", "203.0.113.7", "203.0.113.7"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("::ffff:172.18.0.2", "2001:db8::7", "2001:db8::7"),
        # Ports, brackets, mapped and zoned addresses.
        ("172.18.0.2", "203.0.113.7:4711", "203.0.113.7"),
        ("172.18.0.2", "[2001:db8::7]:4711", "2001:db8::7"),
        ("172.18.0.2", "::ffff:203.0.113.7", "203.0.113.7"),
        ("172.18.0.2", "fe80::5%eth0", "fe80::5"),
        # What is no address ends the search where it stands.
        ("172.18.0.2", "203.0.113.7, unknown", "172.18.0.2"),
        ("172.18.0.2", "203.0.113.7, unknown, 10.0.0.9", "10.0.0.9"),
        ("172.18.0.2", ", ,", "172.18.0.2"),
        ("172.18.0.2", "", "172.18.0.2"),
        ("", "", "unix:"),
    ],
)
def test_it_is_read_from_the_right_through_listed_proxies(
    peer: str, value: str, expected: str
):
    """The first address from the right that is no listed proxy's."""
    assert client(peer, **{XFF: value}) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=203.0.113.7", "203.0.113.7"),
        ('For="[2001:db8::7]:4711";proto=https;by=10.0.0.9', "2001:db8::7"),
        ("for=198.51.100.1, for=203.0.113.7;proto=http", "203.0.113.7"),
        ("for=203.0.113.7, for=10.0.0.9", "203.0.113.7"),
        ("for=203.0.113.7, for=_hidden", "172.18.0.2"),
        ("for=203.0.113.7, proto=https", "172.18.0.2"),
        ("for=203.0.113.7;for=198.51.100.1", "172.18.0.2"),
        # A proxy may quote what the client sent as `Host`; so nothing in it counts.
        ('for=203.0.113.7;host="a, for=198.51.100.1"', "203.0.113.7"),
        ('host="a;for=198.51.100.1";for=203.0.113.7', "203.0.113.7"),
        (r'for=203.0.113.7;host="a\", for=198.51.100.1"', "203.0.113.7"),
    ],
)
def test_forwarded_is_read_likewise(value: str, expected: str):
    """RFC 7239 spells the same in another way."""
    assert client("172.18.0.2", **{FORWARDED: value}) == expected


def test_two_headers_that_disagree_are_both_a_clients_work():
    """A proxy writes one, and hands on the other as the client sent it.

    Nor is it the proxy then, which whoever blocks guessers would block.
    """
    both = {XFF: "203.0.113.7", FORWARDED: "for=198.51.100.1"}

    assert client("172.18.0.2", **both) == "unknown"
    assert client("172.18.0.2", **{**both, FORWARDED: "for=203.0.113.7"}) == (
        "203.0.113.7"
    )


def test_without_listed_proxies_the_peer_is_the_client():
    """Then no header says anything, whoever sends it."""
    nobody = ClientAddresses(peers(""))

    forwarded = {**SERVER, XFF: "203.0.113.7"}
    assert str(nobody.of("172.18.0.2", forwarded)) == "172.18.0.2"
    assert "AUTHZ_FORWARDED_PROXIES" in str(nobody.why_as_one("172.18.0.2", forwarded))
    assert nobody.why_as_one("172.18.0.2", SERVER) is None
    assert PROXIES.why_as_one("172.18.0.2", forwarded) is None


def test_a_listed_proxy_that_says_nothing_is_told():
    """Waitress takes away what it says, and nginx says nothing by itself."""
    said = PROXIES.why_as_one("172.18.0.2", SERVER)

    assert said is not None
    assert "`172.18.0.2`" in said
    assert PROXIES.why_as_one("192.0.2.1", SERVER) is None


def test_a_server_that_merges_names_makes_no_header_believed():
    """`X_Forwarded_For` of a client would stand right of what its proxy wrote."""
    merged = {"SERVER_SOFTWARE": "uWSGI", XFF: "203.0.113.7, 198.51.100.1"}
    stripped = ClientAddresses(PROXIES.proxies, merged=lambda _: False)

    assert str(PROXIES.of("172.18.0.2", merged)) == "172.18.0.2"
    assert "UNDERSCORES_STRIPPED" in str(PROXIES.why_as_one("172.18.0.2", merged))
    assert str(stripped.of("172.18.0.2", merged)) == "198.51.100.1"
    assert stripped.why_as_one("172.18.0.2", merged) is None


@given(st.text(max_size=80), st.sampled_from(["203.0.113.7", "2001:db8::7"]))
def test_no_forged_left_part_is_ever_believed(forged: str, real: str):
    """Whatever a client writes, it is where the proxy says that it is."""
    assert client("172.18.0.2", **{XFF: f"{forged}, {real}"}) == real
    for spelled in (f'for="[{real}]"', f'for="[{real}]:80";host="a,b"'):
        assert client("172.18.0.2", **{FORWARDED: f"{forged}, {spelled}"}) == real


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_header_gives_some_address(value: str, other: str):
    """No header makes reading it fail."""
    assert client("172.18.0.2", **{XFF: value, FORWARDED: other})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("203.0.113.7", "203.0.113.8", False),
        ("64:ff9b::203.0.113.7", "64:ff9b::203.0.113.8", False),
    ],
)
def test_a_subscriber_is_an_address_or_a_network_of_one(
    one: str, other: str, *, same: bool
):
    """Of IPv6 a /64 is one; IPv4 behind a gateway stays apart."""
    first, second = (PROXIES.of(peer, {}).subscriber for peer in (one, other))

    assert (first == second) is same


def test_an_odd_peer_is_itself():
    """Whatever a server calls its peers, they are told apart."""
    assert ClientAddress("something").subscriber == "something"
    assert client("something") == "something"
