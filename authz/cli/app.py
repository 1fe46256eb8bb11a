"""The guarded app that a command runs with, or the admin context that settings make."""

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from authz.cli.outcome import problems_in_words, warn
from authz.decision import PolicyInForce, Subject
from authz.errors import AuthzError, SettingsError

if TYPE_CHECKING:
    from authz.admin.context import Actor, AdminContext
    from authz.audit import AuditSink
    from authz.errors import Problem
    from authz.policy.route_tables import RoutePattern
    from authz.runtime import Runtime
    from authz.settings import Settings

#: Where the settings of an app that could not start are kept for a command.
_BROKEN: Final = "authz.cli.broken"


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardedApp:
    """What commands ask of an app."""

    runtime: "Runtime"
    context: "AdminContext"
    routes: "tuple[RoutePattern, ...]"
    #: Says what requests to an endpoint, with a method and a path, are about.
    scopes: "Callable[[str, str, str], tuple[str, ...]]"
    #: Says which scopes are declared for a route that the app has not.
    scope_misfits: "Callable[[], Iterable[Problem]]"

    @property
    def policy(self) -> PolicyInForce:
        """The policy in force at this moment."""
        return self.runtime.policy


def app_if_any() -> GuardedApp | None:
    """Return the app that the command runs with; None if there is no guarded one."""
    # Flask loads the app before a command runs with it: no Flask, no app.
    if "flask" not in sys.modules:
        return None
    from flask import current_app, has_app_context

    guarded: Any = current_app.extensions.get("authz") if has_app_context() else None
    if guarded is None:
        return None
    return GuardedApp(
        runtime=guarded.runtime,
        context=guarded.context,
        routes=tuple(guarded.context.routes()),
        scopes=guarded.hook.scopes.told,
        scope_misfits=guarded.hook.scopes.misfits,
    )


def in_app(
    command: Callable[..., Any], *, needs_app: bool = True
) -> Callable[..., Any]:
    """Return *command* as it runs with the app that Flask finds.

    An app that cannot start is told in words, with the exit code of its trouble. A
    command that needs no app goes on with the app's store.
    """

    @click.pass_context
    @functools.wraps(command)
    def within(context: click.Context, /, *args: Any, **options: Any) -> Any:
        from flask import has_app_context
        from flask.cli import ScriptInfo

        if not has_app_context():
            with problems_in_words():
                try:
                    app = context.ensure_object(ScriptInfo).load_app()
                except AuthzError as error:
                    if needs_app:
                        raise
                    for line in str(error).splitlines():
                        warn(f"the app cannot start: {line}")
                    context.meta[_BROKEN] = error.config
                    return context.invoke(command, *args, **options)
            context.with_resource(app.app_context())
        return context.invoke(command, *args, **options)

    return within


@contextmanager
def context_here(*, creates: bool = False) -> "Iterator[AdminContext]":
    """Give the context of the app, or one that needs the store and nothing else.

    What is wrong besides, with settings or the policy, is said and stops nothing: it
    may be what is about to be mended. *creates* says whether a database file that is
    not there is made.

    Raises:
        SettingsError, PolicyError, StoreError: if the store cannot be opened.
    """
    app = app_if_any()
    if app is not None:
        yield app.context
        return
    from authz.admin.context import AdminContext
    from authz.settings import read_store_settings, store_settings
    from authz.stores.factory import refuse_new_database

    config = _config_of_broken_app()
    settings, problems = read_store_settings(config, os.environ)
    for problem in problems:
        warn(str(problem))
    if not creates:
        refuse_new_database(settings)
    try:
        runtime = _runtime(settings)
    except SettingsError as error:
        for problem in error.problems:
            warn(str(problem))
        runtime = _runtime(store_settings(config, os.environ))
    for line in (runtime.live.problem or "").splitlines():
        warn(line)
    try:
        yield AdminContext(runtime=runtime)
    finally:
        runtime.close()


def _runtime(settings: "Settings") -> "Runtime":
    from authz.audit import LoggingSink
    from authz.runtime import start

    return start(settings, audit=LoggingSink(), serves=False)


def _config_of_broken_app() -> Mapping[str, Any]:
    """Return the settings in the config of an app that could not start, if any."""
    found = click.get_current_context().meta.get(_BROKEN)
    return found if isinstance(found, Mapping) else {}


@contextmanager
def audit_here() -> "Iterator[AuditSink]":
    """Give where the events of the app go, or of what the environment's settings name.

    For commands that need no policy, and so no admin context.

    Raises:
        SettingsError, StoreError: if it cannot be opened.
    """
    app = app_if_any()
    if app is not None:
        yield app.runtime.audit
        return
    from authz.audit import LoggingSink
    from authz.settings import read_settings
    from authz.stores.factory import opened_audit

    with opened_audit(read_settings({}, os.environ), LoggingSink()) as audit:
        yield audit


def shell() -> "Actor":
    """Return who works in this shell: what the audit log calls them.

    Whoever has a shell on the host has the files and the database too, so nothing is
    asked; but it is written down, with the name they have on the host
    (`auth:shell/root`).
    """
    import getpass

    from authz.admin.context import Actor
    from authz.identity.break_glass import SHELL
    from authz.names import name_problem

    try:
        login = getpass.getuser()
    except (OSError, KeyError):
        login = str(os.getuid())
    name = f"{SHELL}/{login}"
    if name_problem(name):
        name = f"{SHELL}/{os.getuid()}"
    return Actor(
        subject=Subject(
            name=name, names=frozenset({name}), source="shell", display_name=login
        ),
        on_the_host=True,
    )
