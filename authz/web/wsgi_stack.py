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

from authz.web.guarded_views import GuardedView
from authz.web.mounts import MOUNTS

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Guard(Protocol):
    """Puts the last look at answers around a WSGI callable."""

    def __call__(self, app: Wsgi, *, copies: bool = False) -> Wsgi:
        """Return *app* behind it; with *copies*, though it copies environs."""
        ...


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
#: What holds something that is wrapped, by which name, and what it holds.
_Link = tuple[Any, str, Any]
_OURS: Final = frozenset({__name__, "authz.web.mounts"})
#: How an app is called: Flask's own way, and what replaces it and hands on.
_PLAIN_CALL: Final = ("flask.app", "Flask.__call__")
_CALLS: Final = frozenset({"sentry_sdk.integrations.flask"})
#: Flask's own; an app may have another.
_ENSURE_SYNC: Final = Flask.ensure_sync

#: The class of any object, as an attribute that can be set.
_class_of: Final[Any] = object.__dict__["__class__"]


class _Around:
    """Is called in the place of middleware; its attributes are the middleware's.

    So `app.wsgi_app.add_files(...)` and `app.wsgi_app.app = ...` go on working.
    """

    __slots__ = ("wrapper",)

    #: The middleware itself.
    wrapper: Wsgi

    def __getattr__(self, name: str) -> Any:
        if name in type(self).__slots__ or name == "wrapper":
            raise AttributeError(name)  # not made yet: somebody copies it
        return getattr(self.wrapper, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in type(self).__slots__ or name == "wrapper":
            object.__setattr__(self, name, value)
        else:
            setattr(self.wrapper, name, value)


class PassingOn(_Around):
    """Middleware that is declared to hand on every request, perhaps changed."""

    __slots__ = ()

    def __init__(self, wrapper: Wsgi) -> None:
        self.wrapper = wrapper

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Hand on one request."""
        return self.wrapper(environ, start_response)


class GuardedMiddleware(_Around):
    """Middleware that is asked only about what the policy allows.

    What is known to hand on is asked about everything, as long as it does: whether
    something was put inside it is looked at for each request.
    """

    __slots__ = (
        "_declared", "_fixers", "_gate", "_guard", "_inner", "_is_last", "_links",
        "_plain", "below",
    )  # fmt: skip

    def __init__(  # noqa: PLR0913 - what is around an app, and what decides
        self,
        wrapper: Wsgi,
        below: Wsgi,
        gate: Gate,
        *,
        declared: Iterable[str],
        guard: Guard,
        inner: Wsgi | None = None,
    ) -> None:
        """Guard *wrapper*.

        Args:
            wrapper: The middleware, around the app.
            below: The guarded app without it.
            gate: Decides.
            declared: Prefixes of apps that guard themselves.
            guard: Puts the last look at answers around what it is given.
            inner: What *wrapper* is around, if nothing looks at its answers yet; else
                *below*.
        """
        self.wrapper = wrapper
        #: What answers a request that is refused.
        self.below = _through(_fixers(wrapper), below)
        self._fixers = tuple(_fixers(self.below))
        self._gate = gate
        self._declared = tuple(f"{prefix.rstrip('/')}/" for prefix in declared)
        self._guard = guard
        self._inner = below if inner is None else inner
        self._is_last = inner is not None
        self._look()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one request."""
        if self._links:
            for holder, name, inner in self._links:
                if getattr(holder, name, None) is not inner:
                    self._look()
                    break
            if self._links:
                return self._plain(environ, start_response)
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

    def _look(self) -> None:
        """Find out whether the middleware only hands on, and what to call if so."""
        links = _links(self.wrapper, self._inner)
        # It may hand on a copy of the environ, or answer although it said not to.
        copies = any(isinstance(holder, PassingOn) for holder, _, _ in links)
        self._plain = self.wrapper
        if copies or self._is_last:
            self._plain = self._guard(self.wrapper, copies=copies)
        self._links = links


class WsgiStack:
    """What is wrapped around one app."""

    def __init__(
        self,
        app: Flask,
        guard: Guard,
        gate: Gate,
        *,
        declared: Iterable[str] = (),
        before: Callable[[], object] | None = None,
    ) -> None:
        """Guard what is wrapped around *app* now, and what will be.

        Args:
            app: The app.
            guard: Puts the last look at answers around what it is given.
            gate: Decides whether middleware is asked.
            declared: Prefixes of apps that guard themselves.
            before: What runs before each request, and is no coroutine function.
        """
        self._app = app
        self.before = before
        self._gate = gate
        self._guard = guard
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
        #: What the app is called by: the middleware, the outermost first.
        self.top: Wsgi = guard(bare)
        self._ground = self.top
        if now != bare or type(now) is not MethodType:
            # What it hands on reaches the app's own, so the last look is around both.
            self.top = self._guarded(now, inner=bare)
        self._known: list[Wsgi] = [self.top]
        app.__class__ = _watched(type(app), self)
        app.wsgi_app = self.top  # type: ignore[assignment,method-assign]

    def put(self, wrapper: Wsgi) -> None:
        """Have *wrapper*, which is put around the app, called instead of it."""
        # Instrumentation that is taken away puts back what it found.
        if not any(wrapper is known for known in self._known):
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
        self,
        wrapper: Wsgi,
        *,
        below: Wsgi | None = None,
        inner: Wsgi | None = None,
    ) -> GuardedMiddleware:
        # What a change of the policy does there can be told.
        known = self._app.extensions.setdefault(MOUNTS, set())
        known.update(prefix.rstrip("/") for prefix in _mounts(wrapper))
        return GuardedMiddleware(
            wrapper,
            below or self.top,
            self._gate,
            declared=self._declared,
            guard=self._guard,
            inner=inner,
        )


def _middleware_outside(frame: FrameType | None) -> str | None:
    """Return the name of WSGI middleware among *frame* and its callers, or None.

    What is wrapped around the app object itself, and not around its `wsgi_app`, answers
    before the app is asked: it can be named, but not be guarded from here.
    """
    for _ in range(_DEPTH):
        if frame is None:
            break
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

        def ensure_sync(self, func: Any) -> Any:
            # Flask looks for each request whether what it calls is a coroutine
            # function. What guards is none.
            if (
                type(func) is GuardedView or func is stack.before
            ) and cls.ensure_sync is _ENSURE_SYNC:
                return func
            return cls.ensure_sync(self, func)

    for name in ("__name__", "__qualname__", "__module__", "__doc__"):
        setattr(Watched, name, getattr(cls, name))
    return Watched


def _links(wrapper: Any, inner: Wsgi) -> tuple[_Link, ...]:
    """Return what lies between *wrapper* and *inner*; empty if it may answer itself."""
    found: list[_Link] = []
    for _ in range(_DEPTH):
        # Equal says enough of methods only: a proxy is equal to what it wraps.
        if wrapper is inner or (type(wrapper) is MethodType and wrapper == inner):
            return tuple(found)
        if isinstance(wrapper, PassingOn):
            found.append((wrapper, "wrapper", wrapper.wrapper))
            wrapper = wrapper.wrapper
            link = _link(wrapper)
            if link is None:
                return tuple(found)  # it says so; what it calls cannot be seen
        elif _is_known(*_named(wrapper)):
            link = _link(wrapper)
        else:
            break
        if link is None:
            break
        found.append(link)
        wrapper = link[2]
    return ()


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
    link = _link(wrapper)
    return None if link is None else link[2]


def _link(wrapper: Any) -> _Link | None:
    """Return where *wrapper* keeps what it wraps, as far as that can be seen."""
    names = ("wrapper",) if isinstance(wrapper, PassingOn) else _INNER
    for name in names:
        inner = getattr(wrapper, name, None)
        if callable(inner):
            return wrapper, name, inner
    if isinstance(wrapper, FunctionType) and wrapper.__closure__:
        free = wrapper.__code__.co_freevars
        for name, cell in zip(free, wrapper.__closure__, strict=True):
            if name in _INNER and callable(cell.cell_contents):
                return cell, "cell_contents", cell.cell_contents
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
