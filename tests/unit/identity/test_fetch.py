"""Keys are fetched from where the operator said, and nothing else is believed."""

import threading

import pytest

from authz.identity import fetch as fetching
from authz.identity.fetch import FetchError, fetch
from authz.identity.key_address import MAX_BYTES, url_problem
from tests.key_server import KeyServer, answer, flood, hang, redirect, trickle


def problem(url: str) -> str:
    """Return why nothing was fetched from *url*."""
    with pytest.raises(FetchError) as caught:
        fetch(url)
    return str(caught.value)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give servers the time of a machine that does a lot beside."""
    monkeypatch.setattr(fetching, "_TIMEOUT", 60)
    monkeypatch.setattr(fetching, "_DEADLINE", 120)


@pytest.fixture(name="impatient")
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_TIMEOUT", 0.1)
    monkeypatch.setattr(fetching, "_DEADLINE", 0.3)


class TestAnswers:
    def test_a_good_one(self):
        """What the server answers is what one gets, byte for byte."""
        with KeyServer(answer(b'{"keys": []}')) as server:
            assert fetch(server.url) == b'{"keys": []}'

    def test_as_large_as_allowed(self):
        """A large key set is still one."""
        with KeyServer(answer(b" " * MAX_BYTES)) as server:
            assert len(fetch(server.url)) == MAX_BYTES

    @pytest.mark.parametrize("status", [204, 400, 401, 404, 500, 503])
    def test_another_status(self, status: int):
        """An error page is no key set, whatever it holds."""
        with KeyServer(answer(b"", status)) as server:
            assert f"answers {status}" in problem(server.url)

    @pytest.mark.parametrize("behave", [answer(b" " * (MAX_BYTES + 1)), flood])
    def test_too_large(self, behave: object):
        """An answer without end is cut off."""
        with KeyServer(behave) as server:  # type: ignore[arg-type]
            assert "more than" in problem(server.url)

    def test_nobody_there(self):
        """A port that nobody listens at says so, in words."""
        with KeyServer(answer(b"")) as server:
            url = server.url

        assert "cannot be reached" in problem(url)
        assert "refused" in problem(url)
        assert "object at 0x" not in problem(url)

    @pytest.mark.usefixtures("impatient")
    def test_silence(self):
        """A server that takes the request and says nothing is given up."""
        done = threading.Event()
        with KeyServer(hang(done)) as server:
            said = problem(server.url)
            assert not done.is_set()  # it has not answered yet
            done.set()

        assert "cannot be reached" in said

    def test_a_trickle(self, monkeypatch: pytest.MonkeyPatch):
        """A byte now and then does not keep anybody waiting for ever."""
        # No single read is too slow, however busy the machine is.
        monkeypatch.setattr(fetching, "_DEADLINE", 0.3)
        done = threading.Event()
        with KeyServer(trickle(done)) as server:
            said = problem(server.url)
            assert not done.is_set()  # it goes on still
            done.set()

        # On a busy machine it may be cut before the first byte of the body.
        assert "did not finish" in said or "cannot be reached" in said

    def test_compression_is_not_undone(self):
        """A small answer cannot become a large one."""
        with KeyServer(answer(b"\x1f\x8b", Content_Encoding="gzip")) as server:
            assert fetch(server.url) == b"\x1f\x8b"


class TestRedirects:
    def test_to_the_same_host(self):
        """A redirect within the host is followed."""
        with KeyServer(answer(b"ok")) as server:
            server.behave = lambda handler: (
                answer(b"ok") if handler.path == "/new" else redirect("/new")
            )(handler)

            assert fetch(server.url) == b"ok"
            assert server.asked == ["/keys", "/new"]

    def test_to_another_host(self):
        """Another host, or port, could be anybody's."""
        with (
            KeyServer(answer(b"evil")) as evil,
            KeyServer(redirect(evil.url)) as server,
        ):
            assert "redirects to another host" in problem(server.url)
            assert evil.asked == []

    @pytest.mark.parametrize(
        "location", ["file:///etc/passwd", "//evil.test/", "ftp:x"]
    )
    def test_to_something_else(self, location: str):
        """Nor is another kind of address opened."""
        with KeyServer(redirect(location)) as server:
            assert "redirects to another host" in problem(server.url)

    def test_in_a_circle(self):
        """A circle ends."""
        with KeyServer(redirect("/keys")) as server:
            assert "again and again" in problem(server.url)
            assert len(server.asked) == 4


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch):
    """Who may name a proxy in the environment does not choose the keys by it."""
    with KeyServer(answer(b"proxy")) as proxy, KeyServer(answer(b"real")) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)

        assert fetch(server.url) == b"real"
        assert proxy.asked == []


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "https://idp.test/jwks",
            "https://idp.test:8443/jwks?x=y",
            "http://127.0.0.1:9000/jwks",
            "http://127.1.2.3/jwks",
            "http://[::1]:9000/jwks",
            "http://localhost/jwks",
        ],
    )
    def test_good(self, url: str):
        """HTTPS, and plain HTTP on this machine."""
        assert url_problem(url) is None

    @pytest.mark.parametrize(
        "url",
        [
            "http://idp.test/jwks",
            "http://10.0.0.1/jwks",
            "http://127.0.0.1.evil.test/",
            "http://localhost.evil.test/",
            "http://0.0.0.0/",
        ],
    )
    def test_plain_http(self, url: str):
        """Elsewhere somebody on the way could answer."""
        assert "plain HTTP" in str(url_problem(url))

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "idp.test",
            "file:///etc/passwd",
            "ftp://idp.test/",
            "https://",
            "https:///x",
            "https://user:password@idp.test/",
            "https://idp.test:port/",
            "https://[::1/",
            "javascript:alert(1)",
        ],
    )
    def test_no_address(self, url: str):
        """What is no web address is refused at start."""
        assert "not a web address" in str(url_problem(url))
