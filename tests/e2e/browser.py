"""A client as a browser is one: cookies, redirects, forms. And one that is not."""

import http.client
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import Request

_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_HOPS = 20
#: What a browser sends when somebody opens a page.
_OPENS_A_PAGE = ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered, and at which address."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")


def send(  # noqa: PLR0913 - what a request is made of
    method: str,
    url: str,
    headers: Iterable[tuple[str, str]] = (),
    *,
    body: bytes = b"",
    source: str = "127.0.0.1",
    timeout: float = 120,
) -> Answer:
    """Send one request with exactly these *headers*, repeated and odd ones included.

    *source* is the address it comes from.
    """
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "",
        parts.port,
        timeout=timeout,
        source_address=(source, 0),
    )
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        connection.putrequest(method, target or "/", skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body or method in {"POST", "PUT"}:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return Answer(
            url=url, status=answer.status, headers=answer.headers, body=answer.read()
        )
    finally:
        connection.close()


class Browser:
    """Keeps cookies, follows redirects, fills in forms."""

    def __init__(self) -> None:
        self.jar = CookieJar()

    def send(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]] = (),
        *,
        body: bytes = b"",
    ) -> Answer:
        """Send one request with the cookies that belong to *url*; follow nothing."""
        asked = Request(url, method=method)  # noqa: S310 - never opened
        self.jar.add_cookie_header(asked)
        cookies = asked.get_header("Cookie")
        own = [("Cookie", cookies)] if cookies else []
        answer = send(method, url, [_OPENS_A_PAGE, *headers, *own], body=body)
        self.jar.extract_cookies(_Received(answer.headers), asked)  # type: ignore[arg-type]
        return answer

    def get(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Go to *url*, and on to wherever it sends a browser."""
        return self._follow(self.send("GET", url, headers))

    def submit(self, page: Answer, **fields: str) -> Answer:
        """Fill *fields* into the form of *page*, send it, go on from there."""
        form = _Form()
        form.feed(page.text)
        assert form.action is not None, f"no form at {page.url}: {page.text[:400]}"
        body = urlencode({**form.hidden, **fields}).encode()
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        where = urljoin(page.url, form.action)
        return self._follow(self.send("POST", where, [kind], body=body))

    def _follow(self, answer: Answer) -> Answer:
        for _ in range(_MOST_HOPS):
            location = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or location is None:
                return answer
            answer = self.send("GET", urljoin(answer.url, location))
        raise AssertionError(f"redirects without end: {answer.url}")

    def sign_in(self, url: str, name: str) -> Answer:
        """Go to *url*, sign in at the provider as *name*, return what is there then."""
        page = self.get(url)
        while "<form" in page.text and "/interaction/" in page.url:
            wants_name = 'name="login"' in page.text
            who = {"login": name, "password": "of no matter"} if wants_name else {}
            page = self.submit(page, **who)
        return page


class _Received:
    """What `CookieJar` wants to see of an answer."""

    def __init__(self, headers: http.client.HTTPMessage) -> None:
        self._headers = headers

    def info(self) -> http.client.HTTPMessage:
        return self._headers


class _Form(HTMLParser):
    """The first form of a page: where it goes, and its hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.action: str | None = None
        self.hidden: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form" and self.action is None:
            self.action = values.get("action", "")
        elif tag == "input" and values.get("type") == "hidden":
            self.hidden[values.get("name", "")] = values.get("value", "")
