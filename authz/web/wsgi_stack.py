"""The WSGI middleware around a guarded app, whoever puts it there and when.

An extension wraps the app by assigning `app.wsgi_app`, before the guard or after it.
Such middleware may answer by itself, so it is asked only about requests that the policy
allows. What is refused goes past it, to the app, whose hook says so.

What is assigned is wrapped when it is assigned, so that an app without middleware has
nothing of this on the way of its requests.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from types import FrameType, FunctionType
from typing import Any, Final, Protocol, cast

from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.middleware.proxy_fix import ProxyFix

from authz.web.mounts import MOUNTS

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Gate(Protocol):
    """Decides about requests that the app has not got yet."""

    def admit(
        self, environ: dict[str, Any], seen: dict[str, Any], start_response: Any
    ) -> Any:
        """Return the `start_response` to answer with; None if it is refused.

        *seen* is what the app would see of *environ*.
        """
        ...

    def refusal(self, seen: dict[str, Any]) -> Wsgi | None:
        """Return what refuses a request that the app has no route for, or None."""
        ...


#: Middleware that hands on every request, by module and qualified name. It stays where
#: it is, so that it sees what is refused too.
_PASSES_ON: Final = frozenset(
    {
        ("werkzeug.middleware.proxy_fix", "ProxyFix"),
        ("werkzeug.middleware.profiler", "ProfilerMiddleware"),
        ("werkzeug.middleware.lint", "LintMiddleware"),
        ("opentelemetry.instrumentation.wsgi", "OpenTelemetryMiddleware"),
        ("opentelemetry.instrumentation.flask", "_rewrapped_app.<locals>._wrapped_app"),
        ("sentry_sdk.integrations.wsgi", "SentryWsgiMiddleware"),
    }
)
#: How middleware calls what it wraps: an attribute, or a variable of a function.
_INNER: Final = ("below", "app", "wsgi_app", "application", "wsgi", "wrapped_app")
#: How many wrappers are looked through.
_DEPTH: Final = 32
_ARGUMENTS: Final = {"environ", "start_response"}
#: Modules of ours, and those that replace `Flask.__call__`.
_OURS: Final = frozenset(
    {__name__, "authz.web.mounts", "sentry_sdk.integrations.flask"}
)


class PassingOn:
    """Middleware that is declared to hand on every request, perhaps changed."""

    def __init__(self, wrapper: Wsgi) -> None:
        #: The middleware itself.
        self.app = wrapper

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Hand on one request."""
        return self.app(environ, start_response)

    def __getattr__(self, name: str) -> Any:
        if name == "app":  # not made yet: somebody copies it
            raise AttributeError(name)
        return getattr(self.app, name)


class GuardedMiddleware:
    """Middleware that is asked only about what the policy allows.

    Its attributes are the middleware's, so `app.wsgi_app.add_files(...)` goes on
    working.
    """

    def __init__(
        self, wrapper: Wsgi, below: Wsgi, gate: Gate, *, declared: Iterable[str]
    ) -> None:
        """Guard *wrapper*.

        Args:
            wrapper: The middleware, around the app.
            below: The guarded app without it.
            gate: Decides.
            declared: Prefixes of apps that guard themselves.
        """
        self.wrapper = wrapper
        #: What answers a request that is refused.
        self.below = _through(_fixers(wrapper), below)
        self._fixers = tuple(_fixers(self.below))
        self._gate = gate
        self._declared = tuple(f"{prefix.rstrip('/')}/" for prefix in declared)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        path = environ.get("PATH_INFO", "")
        if self._declared and f"{path}/".startswith(self._declared):
            return self.wrapper(environ, start_response)
        seen = dict(environ)
        for fixer in self._fixers:
            _with_inner(fixer, _nothing)(seen, cast("Any", None))
        start = self._gate.admit(environ, seen, start_response)
        if start is None:
            answer = self._gate.refusal(seen) or self.below
            return answer(environ, start_response)
        return self.wrapper(environ, start)

    def __getattr__(self, name: str) -> Any:
        if name == "wrapper":  # not made yet: somebody copies it
            raise AttributeError(name)
        return getattr(self.wrapper, name)


class WsgiStack:
    """What is wrapped around one app."""

    def __init__(
        self,
        app: Flask,
        guard: Callable[[Wsgi], Wsgi],
        gate: Gate,
        *,
        declared: Iterable[str] = (),
    ) -> None:
        """Guard what is wrapped around *app* now, and what will be.

        Args:
            app: The app.
            guard: Returns a WSGI callable behind the last look at its answers.
            gate: Decides whether middleware is asked.
            declared: Prefixes of apps that guard themselves.
        """
        self._app = app
        self._gate = gate
        self._declared = tuple(declared)
        # Not what a class of the app's own makes of it: that may answer by itself too.
        bare: Wsgi = Flask.wsgi_app.__get__(app)
        now: Wsgi = app.wsgi_app
        plain = _hands_on(now, bare)
        self._top: Wsgi = guard(now if plain else bare)
        if not plain:
            self._top = self._guarded(now)
        self._known: list[Wsgi] = [self._top]
        app.wsgi_app = self._top  # type: ignore[assignment,method-assign]
        app.__class__ = _watched(type(app), self)

    def put(self, wrapper: Wsgi) -> Wsgi:
        """Return what is to be called where *wrapper* was put around the app."""
        # Instrumentation that is taken away puts back what it found.
        if not any(wrapper is known for known in self._known):
            if not _hands_on(wrapper, self._top):
                wrapper = self._guarded(wrapper)
            self._known.append(wrapper)
        self._top = wrapper
        return wrapper

    def _guarded(self, wrapper: Wsgi) -> GuardedMiddleware:
        # What a change of the policy does there can be told.
        known = self._app.extensions.setdefault(MOUNTS, set())
        known.update(prefix.rstrip("/") for prefix in _mounts(wrapper))
        return GuardedMiddleware(
            wrapper, self._top, self._gate, declared=self._declared
        )


def middleware_outside(app: Flask, frame: FrameType | None) -> str | None:
    """Return the name of WSGI middleware that called *app*, or None.

    What is wrapped around the app object itself, and not around its `wsgi_app`, answers
    before the app is asked: it can be named, but not be guarded from here.

    Args:
        app: The app.
        frame: A frame in which *app* handles a request.
    """
    outside = False
    while frame is not None:
        code = frame.f_code
        arguments = code.co_varnames[: code.co_argcount]
        if set(arguments) >= _ARGUMENTS:
            # Only of frames that end with the request: what is asked for its locals
            # keeps them until it ends.
            owner = frame.f_locals.get("self")
            if owner is app:
                outside = outside or code.co_name == "__call__"
            elif outside:
                named = frame.f_globals.get("__name__", ""), code.co_qualname
                if arguments[0] == "self":
                    named = _named(owner)
                if named not in _PASSES_ON and named[0] not in _OURS:
                    return ".".join(named)
        frame = frame.f_back
    return None


def _watched(cls: type[Flask], stack: WsgiStack) -> type[Flask]:
    """Return a class like *cls* that tells *stack* what is put around the app."""

    def set_attribute(self: Flask, name: str, value: Any) -> None:
        if name == "wsgi_app":
            value = stack.put(value)
        super(watched, self).__setattr__(name, value)

    watched: Any = type(
        cls.__name__,
        (cls,),
        {
            "__setattr__": set_attribute,
            "__module__": cls.__module__,
            "__qualname__": cls.__qualname__,
            "__doc__": cls.__doc__,
        },
    )
    return watched  # type: ignore[no-any-return]


def _hands_on(wrapper: Any, inner: Wsgi) -> bool:
    """Whether *wrapper* is *inner*, or nothing that answers by itself lies between."""
    for _ in range(_DEPTH):
        if wrapper is inner or wrapper == inner:
            return True
        if not isinstance(wrapper, PassingOn) and not _is_known(*_named(wrapper)):
            return False
        if isinstance(wrapper, PassingOn) and _inner(wrapper.app) is None:
            return True  # it says so itself; what it calls cannot be seen
        wrapper = _inner(wrapper)
    return False


def _fixers(wrapper: Any) -> Iterator[ProxyFix]:
    """Yield what corrects the environ on the way down from *wrapper*."""
    for _ in range(_DEPTH):
        if wrapper is None:
            return
        if type(wrapper) is ProxyFix:
            yield wrapper
        wrapper = _inner(wrapper)


def _mounts(wrapper: Any) -> Iterator[str]:
    """Yield the prefixes of the apps that *wrapper* mounts beside the app."""
    for _ in range(_DEPTH):
        if wrapper is None:
            return
        if isinstance(wrapper, DispatcherMiddleware):
            yield from wrapper.mounts
        wrapper = _inner(wrapper)


def _through(fixers: Iterable[ProxyFix], below: Wsgi) -> Wsgi:
    """Return *below* behind *fixers*, the first one outermost."""
    inside = {id(fixer) for fixer in _fixers(below)}
    for fixer in reversed([f for f in fixers if id(f) not in inside]):
        below = _with_inner(fixer, below)
    return below


def _with_inner(fixer: ProxyFix, inner: Any) -> ProxyFix:
    twin = copy.copy(fixer)
    twin.app = inner
    return twin


def _inner(wrapper: Any) -> Any:
    """Return what *wrapper* wraps, as far as that can be seen."""
    for name in _INNER:
        inner = getattr(wrapper, name, None)
        if callable(inner):
            return inner
    if isinstance(wrapper, FunctionType) and wrapper.__closure__:
        names = wrapper.__code__.co_freevars
        for name, cell in zip(names, wrapper.__closure__, strict=True):
            if name in _INNER and callable(cell.cell_contents):
                return cell.cell_contents
    return None


def _named(wrapper: Any) -> tuple[str, str]:
    what = wrapper if isinstance(wrapper, FunctionType) else type(wrapper)
    return what.__module__, what.__qualname__


def _is_known(module: str, name: str) -> bool:
    return (module, name) in _PASSES_ON


def _nothing(*_: Any) -> Iterable[bytes]:
    return ()
