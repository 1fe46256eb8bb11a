"""If the app changed shape, it does not start, and says what is missing."""

import builtins
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
from authz_audiomuse.host import Host, HostChanged, check_host, import_host

from tests.adapters.audiomuse.rig import imported


def _without(name: str) -> Callable[[Host], None]:
    def change(host: Host) -> None:
        delattr(host.auth, name)

    return change


def _no_hook(host: Host) -> None:
    host.app.before_request_funcs[None].remove(host.auth.auth_setup_barrier)


def _hook_twice(host: Host) -> None:
    host.app.before_request(host.auth.auth_setup_barrier)


def _captured(host: Host) -> None:
    """Make a barrier that holds on to the function instead of asking for it by name."""

    def auth_setup_barrier(ask: Any = host.auth.check_auth_needed) -> Any:
        return ask("secret")

    hooks = host.app.before_request_funcs[None]
    hooks[hooks.index(host.auth.auth_setup_barrier)] = auth_setup_barrier
    host.auth.auth_setup_barrier = auth_setup_barrier


def _elsewhere(host: Host) -> None:
    old = host.auth.auth_setup_barrier
    moved = FunctionType(old.__code__, dict(vars(host.auth)), old.__name__)
    hooks = host.app.before_request_funcs[None]
    hooks[hooks.index(old)] = moved
    host.auth.auth_setup_barrier = moved


def _other_arguments(host: Host) -> None:
    host.auth.check_auth_needed = lambda: None


def _no_switch(host: Host) -> None:
    del host.config.API_TOKEN


def _renamed(host: Host) -> None:
    host.app.add_url_rule("/login", "another_login", lambda: "", methods=["GET"])


def _no_flask(host: Host) -> None:
    object.__setattr__(host, "app", builtins.object())


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_without("check_auth_needed"), "app_auth.check_auth_needed: there is no such"),
        (_without("check_setup_needed"), "app_auth.check_setup_needed: there is no"),
        (_without("check_admin_needed"), "app_auth.check_admin_needed: there is no"),
        (_without("auth_setup_barrier"), "app_auth.auth_setup_barrier: there is no"),
        (_no_hook, "the app does not run it before each request"),
        (_hook_twice, "the app does not run it before each request"),
        (_captured, "it does not ask `check_auth_needed`"),
        (_elsewhere, "it belongs to another module"),
        (_other_arguments, "app_auth.check_auth_needed: it takes other arguments"),
        (_no_switch, "config.API_TOKEN: there is no such setting"),
        (_renamed, "GET /login: it leads to `another_login`, `login_page`"),
        (_no_flask, "app.app: there is no Flask app"),
    ],
)
def test_a_changed_app_is_not_started(change: Callable[[Host], None], told: str):
    """Each thing the adapter holds on to is looked for, and missed with a sentence."""
    with imported({}) as host:
        check_host(host)
        change(host)

        with pytest.raises(HostChanged) as caught:
            check_host(host)

    assert told in str(caught.value)
    assert "install" in str(caught.value)


def test_a_folder_without_the_app(monkeypatch: pytest.MonkeyPatch, tmp_path):
    """Started elsewhere, it says where to start it."""
    monkeypatch.chdir(tmp_path)

    with pytest.raises(HostChanged, match="start the server in the folder"):
        import_host()


def test_an_error_of_the_app_itself_is_not_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path
):
    """A package that the app misses is named, not taken for the app."""
    (tmp_path / "app.py").write_text("import no_such_package_of_the_app\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    with pytest.raises(ModuleNotFoundError, match="no_such_package_of_the_app"):
        import_host()
