"""The way out: every answer passes here on its way to the server.

What depends on who asked is marked for caches. An answer that nothing was decided
about, because something answered before the hook did, is held back; so is a success
that the app made of a refusal.
"""

from collections.abc import Callable, Iterable, Iterator, MutableMapping
from typing import Any, Final
from urllib.parse import quote

from authz.audit import EventTag
from authz.decision import ANONYMOUS, Effect
from authz.identity.source import RequestFacts
from authz.runtime import Runtime
from authz.web.state import DECIDED_KEY, ENVIRON_KEY, RequestState

_DENY: Final = Effect.DENY
_PRIVATE: Final = ("Cache-Control", "private")
_LENGTH: Final = len("Cache-Control")
_STATUS: Final = "500 Internal Server Error"
_HEADERS: Final = (("Content-Type", "application/problem+json"),)
_HELD_BACK: Final = (
    b'{"type": "urn:authz:problem:misconfigured", "title": "Not available", '
    b'"status": 500, "detail": "The app is set up in a way that cannot be guarded."}\n'
)


def middleware(  # noqa: C901 - one frame
    app: Any, *, runtime: Runtime, copies: bool = False
) -> Any:
    """Return the WSGI callable *app* of a guarded app behind its middleware.

    It stands inside all other middleware, and once more around what is declared to hand
    on (*copies*). A function and no object: it is called for each request.
    """
    vary = ("Vary", runtime.identity.vary)
    if copies:
        app = _carrying(app, vary)

    def answer(  # noqa: C901 - likewise
        environ: MutableMapping[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        # A middleware may send one environ through the app twice.
        environ.pop(ENVIRON_KEY, None)
        held_back: str | None = None

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            nonlocal held_back
            state = environ.get(ENVIRON_KEY)
            if state is None:
                held_back = "something answered before authz's hook"
            elif state.decision.effect is _DENY and status < "3":
                held_back = "something answered in the place of a refusal"
            else:
                held_back = ""
                if not state.public:
                    if state.subject is not ANONYMOUS:
                        # Few answers have a header as long as this one.
                        for name, _ in headers:
                            if len(name) == _LENGTH:
                                _make_private(headers)
                                break
                        else:
                            headers.append(_PRIVATE)
                    headers.append(vary)
                if state.viewer:
                    headers.append(viewed_as(state))
                if exc_info is None:
                    return start_response(status, headers)
                return start_response(status, headers, exc_info)
            start_response(_STATUS, list(_HEADERS), *([exc_info] if exc_info else []))
            return _write_nothing

        chunks: Iterable[bytes] = app(environ, start)
        if held_back == "":
            return chunks
        return _checked(runtime, environ, chunks, lambda: held_back)

    answer.app = app  # type: ignore[attr-defined]  # what looks for mounts looks here
    return answer


def _carrying(
    app: Callable[..., Iterable[bytes]], vary: tuple[str, str]
) -> Callable[..., Iterable[bytes]]:
    """Return *app*, which copies environs, bringing out what was decided in a copy."""

    def carry(
        environ: MutableMapping[str, Any], start_response: Any
    ) -> Iterable[bytes]:
        # Whoever else carries, around this or inside, is to see the same.
        decided = environ.setdefault(DECIDED_KEY, [None])
        decided[0] = None

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Any:
            (state,) = decided
            if state is not None:
                environ[ENVIRON_KEY] = state
                # It is marked on the way out, and not twice.
                for marked in (vary, *([viewed_as(state)] if state.viewer else [])):
                    while marked in headers:
                        headers.remove(marked)
            return start_response(status, headers, *([exc_info] if exc_info else []))

        return app(environ, start)

    return carry


def _checked(
    runtime: Runtime,
    environ: MutableMapping[str, Any],
    chunks: Any,
    held_back: Callable[[], str | None],
) -> Iterator[bytes]:
    """Yield *chunks*, unless they are *held_back* for the reason that it returns.

    A generator begins to answer with its first chunk, so that is when one knows.
    """
    try:
        for chunk in chunks:
            if held_back():
                break
            yield chunk
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    why = held_back()
    if why:
        runtime.record(
            EventTag.DECISION_MISSING,
            facts=RequestFacts(environ),
            method=str(environ.get("REQUEST_METHOD", "")),
            path=str(environ.get("PATH_INFO", "")),
            detail={"why": why},
        )
        yield _HELD_BACK


def _write_nothing(_: bytes) -> None:
    """Stand for what `start_response` returns to those who do not return a body."""


def mark_private(
    headers: list[tuple[str, str]], vary: tuple[str, str], state: RequestState
) -> None:
    """Mark an answer that depends on who asked, for caches."""
    if state.subject is not ANONYMOUS:
        _make_private(headers)
    headers.append(vary)
    if state.viewer:
        headers.append(viewed_as(state))


def viewed_as(state: RequestState) -> tuple[str, str]:
    """Return the header that says as whom somebody only looks."""
    return ("Authz-View-As", quote(state.subject.name, safe=":/@+"))


def _make_private(headers: list[tuple[str, str]]) -> None:
    """Tell caches that an answer is for one reader only."""
    said = False
    for index, (name, value) in enumerate(headers):
        if name.lower() == "cache-control":
            headers[index] = (name, value.replace("public", "private"))
            said = True
    if not said:
        headers.append(_PRIVATE)
