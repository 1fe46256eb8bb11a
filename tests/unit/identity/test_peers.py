"""A proxy is known by the other end of its socket; no list means everybody."""

import pytest

from authz.identity.peers import Peers, peers
from authz.identity.source import RequestFacts


class TestLists:
    @pytest.mark.parametrize(
        ("text", "peer"),
        [
            ("172.18.0.5", "172.18.0.5"),
            ("172.18.0.5", "::ffff:172.18.0.5"),
            ("::ffff:172.18.0.5", "172.18.0.5"),
            ("172.18.0.0/16", "172.18.255.255"),
            ("::ffff:10.0.0.0/104", "10.9.9.9"),
            ("fd00::/8", "fd12::1"),
            ("fe80::/10", "fe80::1%eth0"),
            ("2001:db8::1", "2001:db8:0:0::1"),
            ("10.0.0.1, 10.0.0.2", "10.0.0.2"),
            ("unix:", ""),
            ("unix:", "localhost"),
            ("127.0.0.1,unix:", ""),
            ("8.0.0.0/8", "8.8.8.8"),
        ],
    )
    def test_in(self, text: str, peer: str):
        """Addresses are compared as numbers, however they are spelled."""
        assert peer in peers(text)

    @pytest.mark.parametrize(
        ("text", "peer"),
        [
            ("", "127.0.0.1"),
            ("", ""),
            (" , ", ""),
            ("172.18.0.5", "172.18.0.50"),
            ("172.18.0.0/16", "172.19.0.1"),
            ("172.18.0.0/16", "::172.18.0.1"),
            ("127.0.0.1", "::1"),
            ("127.0.0.1", "localhost"),
            ("127.0.0.1", ""),
            ("127.0.0.1", "127.1"),
            ("127.0.0.1", "127.0.0.1 "),
            ("127.0.0.1", "127.0.0.1:80"),
            ("127.0.0.1", "127.0.0.1, 8.8.8.8"),
            ("127.0.0.1", "0177.0.0.1"),
            ("127.0.0.1", "2130706433"),
            ("10.0.0.0/8", "010.0.0.1"),
            ("10.0.0.0/8", "unix:"),
            ("unix:", "127.0.0.1"),
            ("unix:", "unix:/run/x"),
        ],
    )
    def test_not_in(self, text: str, peer: str):
        """What is not on the list is not trusted, and an empty list trusts nobody."""
        assert peer not in peers(text)
        assert peer not in Peers()

    @pytest.mark.parametrize(
        "text",
        [
            "*",
            "0.0.0.0/0",
            "::/0",
            "0.0.0.0/1",
            "128.0.0.0/1",
            "::/1",
            "2000::/3",
            "::ffff:0:0/96",
            "::ffff:0.0.0.0/97",
            "10.0.0.1,*",
            "10.0.0.0/7",
        ],
    )
    def test_everybody(self, text: str):
        """A list that would believe the internet stops the start."""
        with pytest.raises(ValueError, match="believe"):
            peers(text)

    @pytest.mark.parametrize(
        ("text", "hint"),
        [
            ("10.0.0.5/8", "10.0.0.0/8"),
            ("traefik", "172.18.0.5"),
            ("172.18.0", "172.18.0.5"),
            ("010.0.0.1", "172.18.0.5"),
            ("10.0.0.1 10.0.0.2", "172.18.0.5"),
            ("10.0.0.1/33", "172.18.0.5"),
            ("fe80::1%eth0", "leave out"),
            ("unix:/run/x.sock", "unix:"),
        ],
    )
    def test_not_an_address(self, text: str, hint: str):
        """An entry that cannot be read stops the start, and never widens the list."""
        with pytest.raises(
            ValueError, match=r"is not an address|names|within"
        ) as caught:
            peers(text)
        assert hint in str(caught.value)

    def test_it_says_what_it_holds(self):
        """The list can be shown."""
        assert str(peers("10.0.0.1, unix:")) == "10.0.0.1/32, unix:"

    def test_its_memory_is_bounded(self):
        """Whoever connects from ever new addresses does not fill it."""
        known = peers("10.0.0.0/8")
        for number in range(2000):
            assert f"10.0.{number // 256}.{number % 256}" in known

        assert len(known._known) <= 256


class TestPeer:
    def test_a_header_is_not_a_peer(self):
        """`ProxyFix` writes what a header claims into `REMOTE_ADDR`."""
        environ = {
            "REMOTE_ADDR": "10.0.0.5",
            "werkzeug.proxy_fix.orig": {"REMOTE_ADDR": "203.0.113.9"},
        }

        assert RequestFacts(environ).peer == "203.0.113.9"

    @pytest.mark.parametrize("address", [None, ""])
    def test_a_socket_without_address(self, address: str | None):
        """A Unix socket has none."""
        assert RequestFacts({"REMOTE_ADDR": address}).peer == ""
        assert RequestFacts({}).peer == ""
