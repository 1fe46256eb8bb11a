"""The guarded app that a command runs with, if it runs with one."""

from dataclasses import dataclass
from typing import Any

import click
from flask import current_app, has_app_context

from authz.decision import PolicyInForce
from authz.policy.coverage import RoutePattern, route_patterns
from authz.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedApp:
    """What commands ask of an app."""

    runtime: Runtime
    routes: tuple[RoutePattern, ...]

    @property
    def policy(self) -> PolicyInForce:
        """The policy in force at this moment."""
        return self.runtime.policy


def guarded_app() -> GuardedApp:
    """Return the app that the command runs with.

    Raises:
        click.UsageError: if there is none, or authz does not guard it.
    """
    found = app_if_any()
    if found is None:
        raise click.UsageError("authz does not guard this app: call `Authz(app)`")
    return found


def app_if_any() -> GuardedApp | None:
    """Return the app that the command runs with; None if there is no guarded one."""
    guarded: Any = current_app.extensions.get("authz") if has_app_context() else None
    if guarded is None:
        return None
    rules = current_app.url_map.iter_rules()
    return GuardedApp(
        runtime=guarded.runtime,
        routes=tuple(route_patterns(rules, guarded.views.public_endpoints)),
    )
