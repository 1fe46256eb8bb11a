"""The second layer: no view function runs without a decision made by its request.

The hook runs first, but an error handler may call a view after a refusal, and a route
may be added behind Flask's back. The table of view functions guards what it holds.
"""

import functools
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from inspect import iscoroutinefunction
from typing import Any, Final, Self

from flask import current_app

from authz.decision import Effect
from authz.policy.scope_table import ScopeDeclaration
from authz.web.scopes import DECLARED, SERVES, ScopeOf
from authz.web.state import NoDecision, current_request

View = Callable[..., Any]

_PUBLIC: Final = "__authz_public__"
_ALLOW: Final = Effect.ALLOW


def public(view: View) -> View:
    """Declare that *view* is meant for everyone, signed in or not.

    The declaration shows in the table of routes; a rule that denies still wins.
    """
    if hasattr(view, "__self__"):
        # The mark would be on the function that every other object shares.
        raise TypeError("declare the function public, not the method of one object")
    setattr(view, _PUBLIC, True)
    return view


class GuardedView(functools.partial[Any]):
    """A view function that asks for the decision before it runs.

    A `partial` of `_run`: what Flask calls for each request is one Python function.
    """

    view: View
    is_public: bool
    scopes: tuple[ScopeDeclaration, ...]

    def __new__(cls, view: View) -> Self:
        """Guard *view*."""
        run = _run_async if iscoroutinefunction(view) else _run
        guarded = super().__new__(cls, run, view)
        guarded.view = view
        guarded.is_public = bool(getattr(view, _PUBLIC, False))
        guarded.scopes = getattr(view, DECLARED, ())
        _refuse_declared_method(view)
        with suppress(AttributeError):  # it can carry no mark, as one of a bound method
            setattr(view, SERVES, view)
        functools.update_wrapper(guarded, view)
        return guarded

    def __eq__(self, other: object) -> bool:
        # Flask compares: one function may serve several routes, two may not share one.
        if isinstance(other, GuardedView):
            return bool(self.view == other.view)
        return bool(self.view == other)

    def __hash__(self) -> int:
        return hash(self.view)


def _refuse_declared_method(view: View) -> None:
    """Refuse a class whose method declares scopes, where nobody would see it."""
    view_class: type[Any] | None = getattr(view, "view_class", None)
    if view_class is None:
        return
    for name in dir(view_class):
        if hasattr(getattr(view_class, name), DECLARED):
            raise TypeError(
                f"`{view_class.__name__}.{name}` declares a scope: declare it for the "
                "class, with `decorators = [authz.scoped(...)]`"
            )


def _run(view: View, /, *args: Any, **kwargs: Any) -> Any:
    """Run *view* if the current request was allowed."""
    try:
        current = current_request()
        state = current._authz_state  # type: ignore[attr-defined]  # noqa: SLF001
    except (AttributeError, RuntimeError):
        raise NoDecision("this request was not decided about") from None
    if state.decision.effect is not _ALLOW:
        raise NoDecision(f"this request was refused ({state.decision.reason})")
    if state.rule is not current.url_rule:
        # A scope and a declaration "public" are the route's.
        raise NoDecision("this request got another route after it was decided about")
    return view(*args, **kwargs)


def _run_async(view: View, /, *args: Any, **kwargs: Any) -> Any:
    """Run *view*, a coroutine function, likewise."""
    return _run(current_app.ensure_sync(view), *args, **kwargs)


class GuardedViews(dict[str, View]):
    """A Flask app's table of view functions; whatever enters it is guarded."""

    def __init__(
        self, views: Mapping[str, View], *, scope_of: ScopeOf | None = None
    ) -> None:
        super().__init__()
        #: What the app itself asks what a request is about.
        self.scope_of = scope_of
        #: The endpoints that the app declared public.
        self.public_endpoints: set[str] = set()
        #: What the app declared requests to an endpoint to be about.
        self.scopes: dict[str, tuple[ScopeDeclaration, ...]] = {}
        self.update(views)

    def __setitem__(self, endpoint: str, view: View) -> None:
        guarded = view if isinstance(view, GuardedView) else GuardedView(view)
        super().__setitem__(endpoint, guarded)
        if guarded.scopes:
            self.scopes[endpoint] = guarded.scopes
        else:
            self.scopes.pop(endpoint, None)
        if guarded.is_public:
            self.public_endpoints.add(endpoint)
        else:
            self.public_endpoints.discard(endpoint)

    def setdefault(self, endpoint: str, view: View = None) -> View:  # type: ignore[assignment]
        """Return the view of *endpoint*, after adding *view* if there was none."""
        if endpoint not in self:
            self[endpoint] = view
        return self[endpoint]

    def update(  # type: ignore[override]
        self, views: Mapping[str, View] | Iterable[tuple[str, View]] = (), **more: View
    ) -> None:
        """Add *views*, each guarded."""
        for endpoint, view in dict(views, **more).items():
            self[endpoint] = view

    def __ior__(self, views: Any) -> Self:  # type: ignore[misc,override]
        self.update(views)
        return self
