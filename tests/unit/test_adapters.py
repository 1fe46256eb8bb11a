"""What is installed beside authz brings its own settings and commands."""

import importlib.metadata
from importlib.metadata import EntryPoint, EntryPoints

import click
import pytest
from authz_audiomuse.command_list import AUDIOMUSE, MUSIC

from authz.errors import SettingsError
from authz.integration.commands import Command
from authz.settings import Setting, read_settings
from tests.cli.commands import run


@pytest.fixture(name="install")
def _install(monkeypatch: pytest.MonkeyPatch):
    """Return a function that installs entry points, beside none."""

    def install(group: str, **points: str) -> None:
        found = EntryPoints(EntryPoint(n, value, group) for n, value in points.items())
        monkeypatch.setattr(importlib.metadata, "entry_points", found.select)

    return install


SETTINGS = (Setting(name="AUTHZ_HELLO", help="-", default="-", from_file=True),)


@click.command("hello")
def hello() -> None:
    """Say hello."""
    click.echo("hello")


def test_a_setting_of_an_adapter_is_no_misspelling(install):
    """Neither is its file form; anything near it is."""
    install("authz.settings", x=f"{__name__}:SETTINGS")

    read_settings({}, {"AUTHZ_HELLO": "x"})
    read_settings({}, {"AUTHZ_HELLO_FILE": "x"})
    with pytest.raises(SettingsError, match="did you mean `AUTHZ_HELLO`"):
        read_settings({}, {"AUTHZ_HELO": "x"})


def test_an_adapter_that_cannot_be_loaded_stops_the_start(install):
    """If a setting may be one of its own: it would go unread."""
    install("authz.settings", x="no_such_module:SETTINGS")

    with pytest.raises(SettingsError, match="install no_such_module again"):
        read_settings({}, {"AUTHZ_HELLO": "x"})


def test_a_command_of_an_adapter_is_listed_and_runs(install):
    """As if it were one of authz's own."""
    install("authz.commands", hello=f"{__name__}:hello")

    assert run("hello").output == "hello\n"
    assert "Say hello." in run("--help").output


def test_a_command_of_authz_cannot_be_replaced(install):
    """An adapter named like one of its commands is not asked."""
    install("authz.commands", check=f"{__name__}:hello")

    assert run("check").output != "hello\n"


def test_a_command_that_cannot_be_loaded_is_said_to_be_one(install):
    """The others go on."""
    install("authz.commands", hello="no_such_module:hello")

    result = run("hello")

    assert result.exit_code == 2
    assert "install no_such_module again" in result.output
    assert run("check", "--help").exit_code == 0
    assert "cannot be loaded" in run("--help").output


def test_what_is_no_command_is_none(install):
    """An entry point may lead to anything."""
    install("authz.commands", hello=f"{__name__}:SETTINGS")

    assert run("hello").exit_code == 2


HEAVY = Command("no_such_module:command", "Do something that takes much.")


def test_the_list_says_what_a_command_is_without_importing_it(install):
    """Only running it does, and says then if it cannot be."""
    install("authz.commands", heavy=f"{__name__}:HEAVY")

    assert HEAVY.help in run("--help").output
    assert "cannot be loaded" in run("heavy").output


@pytest.mark.parametrize("listed", [MUSIC, AUDIOMUSE])
def test_the_list_says_what_the_command_says(listed: Command):
    """The first line of its own help."""
    assert listed.help == (listed.load().help or "").partition("\n")[0]
