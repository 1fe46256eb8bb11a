"""The way out: every answer passes here on its way to the server.

What depends on who asked is marked for caches. An answer that nothing was decided
about, because something answered before the hook did, is held back.
"""

from collections.abc import Iterable, MutableMapping
from typing import Any, Final

from authz.audit import EventTag
from authz.decision import ANONYMOUS
from authz.identity.source import RequestFacts
from authz.runtime import Runtime
from authz.web.state import ENVIRON_KEY

_VARY: Final = ("Vary", "Cookie")
_PRIVATE: Final = ("Cache-Control", "private")
_HELD_BACK: Final = (
    b'{"type": "urn:authz:problem:misconfigured", "title": "Not available", '
    b'"status": 500, "detail": "The app is set up in a way that cannot be guarded."}\n'
)


class Outlet:
    """Wraps the WSGI callable of a guarded app, inside all other middleware."""

    def __init__(self, app: Any, runtime: Runtime) -> None:
        self.app = app
        self._runtime = runtime

    def __call__(
        self, environ: MutableMapping[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        """Answer one request."""
        # A middleware may send one environ through the app twice.
        environ.pop(ENVIRON_KEY, None)
        held_back = False

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            nonlocal held_back
            state = environ.get(ENVIRON_KEY)
            if state is not None:
                if not state.public:
                    headers.append(_VARY)
                    if state.subject is not ANONYMOUS:
                        _make_private(headers)
            elif status < "4":  # an error, the hook's own included, shows nothing
                held_back = True
                status = "500 Internal Server Error"
                headers = [("Content-Type", "application/problem+json")]
            if exc_info is None:
                return start_response(status, headers)
            return start_response(status, headers, exc_info)

        answer = self.app(environ, start)
        if not held_back:
            return answer  # type: ignore[no-any-return]
        if hasattr(answer, "close"):
            answer.close()
        self._runtime.record(
            EventTag.DECISION_MISSING,
            peer=RequestFacts(environ).peer,
            method=str(environ.get("REQUEST_METHOD", "")),
            path=str(environ.get("PATH_INFO", "")),
            detail={"why": "something answered before authz's hook"},
        )
        return [_HELD_BACK]


def _make_private(headers: list[tuple[str, str]]) -> None:
    """Tell caches that an answer is for one reader only."""
    for index, (name, value) in enumerate(headers):
        if name == "Cache-Control":
            headers[index] = (name, value.replace("public", "private"))
            return
    headers.append(_PRIVATE)
