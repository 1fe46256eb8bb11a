"""The WSGI middleware around a guarded app, whoever puts it there and when.

An extension wraps the app by assigning `app.wsgi_app`, before the guard or after it.
Such middleware may answer by itself, so it is asked only about requests that the policy
allows. What is refused goes past it, to the app, whose hook says so.

What is assigned is wrapped when it is assigned, so that an app without middleware has
nothing of this on the way of its requests.
"""

import copy
import sys
from collections.abc import Callable, Iterable, Iterator
from inspect import CO_VARARGS
from itertools import pairwise
from types import CodeType, FrameType, FunctionType, MethodType
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
_OURS: Final = frozenset({__name__, "authz.web.mounts"})
#: How an app is called: Flask's own way, and what replaces it and hands on.
_PLAIN_CALL: Final = ("flask.app", "Flask.__call__")
_CALLS: Final = frozenset({"sentry_sdk.integrations.flask"})

#: The class of any object, as an attribute that can be set.
_class_of: Final[Any] = object.__dict__["__class__"]


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
        self._called: Any = None
        self._callers: set[CodeType] = set()
        #: The last function that called the app.
        self.caller: CodeType | None = None
        #: The method that hands what calls the app to `top`, and does nothing else.
        self.plain: Any = None
        # Not what a class of the app's own makes of it: that may answer by itself too.
        bare: Wsgi = Flask.wsgi_app.__get__(app)
        now: Wsgi = app.wsgi_app
        plain = _hands_on(now, bare)
        #: What the app is called by: the middleware, the outermost first.
        self.top: Wsgi = guard(now if plain else bare)
        self._ground = self.top
        if not plain:
            self.top = self._guarded(now)
        self._known: list[Wsgi] = [self.top]
        app.__class__ = _watched(type(app), self)
        app.wsgi_app = self.top  # type: ignore[assignment,method-assign]

    def put(self, wrapper: Wsgi) -> None:
        """Have *wrapper*, which is put around the app, called instead of it."""
        # Instrumentation that is taken away puts back what it found.
        if not any(wrapper is known for known in self._known):
            if not _hands_on(wrapper, self.top):
                wrapper = self._guarded(wrapper)
            self._known.append(wrapper)
        self.top = wrapper

    def remove(self) -> None:
        """Have the app called without any middleware."""
        self.top = self._ground

    def entrance(self, call: Any) -> Wsgi:
        """Return what to call for *call*, the `__call__` of the app's class."""
        if _origin(call) == _PLAIN_CALL:
            self.plain = call
            return self.top
        bound: Wsgi = call.__get__(self._app)
        if _origin(call)[0] in _CALLS:
            return bound
        if self._called is None or self._called.wrapper != bound:
            self._called = self._guarded(bound, below=self._enter)
        return cast("Wsgi", self._called)

    def look_outside(self, caller: FrameType) -> None:
        """Name the middleware that is asked before the app, and cannot be guarded."""
        self.caller = caller.f_code
        if caller.f_code in self._callers:
            return
        self._callers.add(caller.f_code)
        name = _middleware_outside(caller)
        if name is not None:
            self._app.logger.warning(
                "authz: `%s` is wrapped around the app from outside, so what it "
                "answers by itself is not behind the policy: assign it to "
                "`app.wsgi_app`, or put `Authz.guard(app, ...)` around it",
                name,
            )

    def _enter(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        return self.top(environ, start_response)

    def _guarded(
        self, wrapper: Wsgi, *, below: Wsgi | None = None
    ) -> GuardedMiddleware:
        # What a change of the policy does there can be told.
        known = self._app.extensions.setdefault(MOUNTS, set())
        known.update(prefix.rstrip("/") for prefix in _mounts(wrapper))
        return GuardedMiddleware(
            wrapper, below or self.top, self._gate, declared=self._declared
        )


def _middleware_outside(frame: FrameType | None) -> str | None:
    """Return the name of WSGI middleware among *frame* and its callers, or None.

    What is wrapped around the app object itself, and not around its `wsgi_app`, answers
    before the app is asked: it can be named, but not be guarded from here.
    """
    while frame is not None:
        if _is_wsgi(frame):
            code = frame.f_code
            named = frame.f_globals.get("__name__", ""), code.co_qualname
            if code.co_argcount and code.co_varnames[0] == "self":
                named = _named(frame.f_locals["self"])
            if named not in _PASSES_ON and named[0] not in _OURS:
                return ".".join(named)
        frame = frame.f_back
    return None


def _is_wsgi(frame: FrameType) -> bool:
    """Whether *frame* was given an environ and a `start_response`."""
    code = frame.f_code
    several = bool(code.co_flags & CO_VARARGS)
    # Only of frames that end with the request: what is asked for its locals keeps them
    # until it ends.
    if not (several or code.co_argcount in {2, 3}):
        return False
    last = code.co_argcount + code.co_kwonlyargcount
    given = [frame.f_locals.get(name) for name in code.co_varnames[: code.co_argcount]]
    if several:
        given += frame.f_locals.get(code.co_varnames[last], ())
    return any(
        isinstance(environ, dict) and "REQUEST_METHOD" in environ and callable(start)
        for environ, start in pairwise(given)
    )


def _watched(cls: type[Flask], stack: WsgiStack) -> type[Flask]:
    """Return a class like *cls* that tells *stack* what is put around the app.

    A property and a method of the class: whoever writes into `app.__dict__`, or makes
    the app's class one with a `__call__` of its own, goes through them too.
    """

    class Watched(cls):  # type: ignore[misc,valid-type]
        @property
        def wsgi_app(self) -> Wsgi:
            return stack.top

        @wsgi_app.setter
        def wsgi_app(self, wrapper: Wsgi) -> None:
            stack.put(wrapper)
            # Where whoever puts back what was there looks for it.
            self.__dict__["wsgi_app"] = stack.top

        @wsgi_app.deleter
        def wsgi_app(self) -> None:
            stack.remove()
            self.__dict__.pop("wsgi_app", None)

        def become(self, other: type[Flask]) -> None:
            _class_of.__set__(self, _watched(other, stack))

        # No `__setattr__`: Flask sets an attribute of the app for each request.
        __class__ = property(type, become)

        def __call__(
            self, environ: dict[str, Any], start_response: Any
        ) -> Iterable[bytes]:
            caller = sys._getframe(1)  # noqa: SLF001
            if caller.f_code is not stack.caller:
                stack.look_outside(caller)
            call = cls.__call__
            top = stack.top if call is stack.plain else stack.entrance(call)
            return top(environ, start_response)

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Watched, name, getattr(cls, name))
    return Watched


def _hands_on(wrapper: Any, inner: Wsgi) -> bool:
    """Whether *wrapper* is *inner*, or nothing that answers by itself lies between."""
    for _ in range(_DEPTH):
        # Equal says enough of methods only: a proxy is equal to what it wraps.
        if wrapper is inner or (type(wrapper) is MethodType and wrapper == inner):
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
    if isinstance(wrapper, FunctionType):
        return _origin(wrapper)
    return type(wrapper).__module__, type(wrapper).__qualname__


def _origin(function: Any) -> tuple[str, str]:
    """Return where *function* was written, whatever `functools.wraps` says of it."""
    if not isinstance(function, FunctionType):
        return "", ""
    return function.__globals__.get("__name__", ""), function.__code__.co_qualname


def _is_known(module: str, name: str) -> bool:
    return (module, name) in _PASSES_ON


def _nothing(*_: Any) -> Iterable[bytes]:
    return ()
