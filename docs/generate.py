"""Writes the reference pages that are made from the code: run by `make docs`."""

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import click

from authz.audit import EventTag
from authz.cli import flask_group, main
from authz.cli.outcome import Exit
from authz.decision import Reason
from authz.settings import SETTINGS

REFERENCE = Path(__file__).parent / "reference"
_NOTE = "<!-- Made from the code by docs/generate.py; change the code instead. -->"


def pages() -> dict[str, str]:
    """Return the text of each generated page by its file name."""
    return {
        "settings.md": "\n".join(_settings()),
        "commands.md": "\n".join(_commands()),
        "events.md": "\n".join(_events()),
    }


def _settings() -> Iterator[str]:
    yield from ("# Settings", "", _NOTE, "")
    yield (
        "Each is looked for in the app's config (`app.config`) and then in the "
        "environment. All are read once, at start; every problem is reported at once. "
        "A name that begins with `AUTHZ_` and is not listed here is a problem. Those "
        "marked *file* may also come from a file, named by the setting with `_FILE` "
        "behind it; setting both is a problem."
    )
    yield from ("", "| Setting | Default | What it does |", "|---|---|---|")
    for setting in SETTINGS:
        more = " *(file)*" if setting.from_file else ""
        alias = f" Short: `{setting.alias}`." if setting.alias else ""
        yield f"| `{setting.name}`{more} | {setting.default} | {setting.help}{alias} |"
    yield ""


def _commands() -> Iterator[str]:
    yield from ("# Commands", "", _NOTE, "")
    yield (
        "`authz ...` reads its settings from the environment; `flask authz ...` asks "
        "the app. With `--json` the output is a document with "
        '`"schema": "authz/v1"`.'
    )
    yield from ("", "| Exit code | Meaning |", "|---|---|")
    yield from ("| 0 | allowed, or done |", "| 1 | an unexpected error |")
    yield "| 2 | the command line is wrong |"
    for code, meaning in (
        (Exit.INVALID, "the policy, the model or the settings are invalid"),
        (Exit.NOT_COVERED, "a route is covered by no rule"),
        (Exit.DENIED, "denied"),
        (Exit.UNREACHABLE, "a key source, a database or another server is unreachable"),
    ):
        yield f"| {int(code)} | {meaning} |"
    commands = {f"authz {name}": command for name, command in main.commands.items()}
    for name, command in main.commands.items():
        if isinstance(command, click.Group):
            commands |= {f"authz {name} {n}": c for n, c in command.commands.items()}
    for name, command in flask_group.commands.items():
        if name not in main.commands:
            commands[f"flask authz {name}"] = command
    for name, command in sorted(commands.items()):
        text = command.get_help(
            click.Context(command, info_name=name, terminal_width=80)
        )
        yield from ("", f"## `{name}`", "", "```", text, "```")
    yield ""


def _events() -> Iterator[str]:
    yield from ("# Reasons and events", "", _NOTE, "")
    yield "## Reasons: why a decision came out as it did"
    yield from ("", "| Reason | Meaning |", "|---|---|")
    for member, meaning in _documented(Reason, "decision.py"):
        yield f"| `{member}` | {meaning} |"
    yield from ("", "## Events: what the audit log holds", "")
    yield (
        "Events go to the logger `authz.audit`, each one line of ASCII JSON. They hold "
        "no token, cookie or password."
    )
    yield from ("", "| Event | Meaning |", "|---|---|")
    for member, meaning in _documented(EventTag, "audit/events.py"):
        yield f"| `{member}` | {meaning} |"
    yield ""


def _documented(enum: type[StrEnum], source: str) -> Iterator[tuple[str, str]]:
    """Yield each member with the `#:` comment above it."""
    text = (Path(__file__).parent.parent / "authz" / source).read_text(encoding="utf-8")
    for comment, value in re.findall(r'((?: +#: .*\n)+) +\w+ = "([a-z:-]+)"', text):
        if value in set(enum):
            yield value, " ".join(re.findall(r"#: (.*)", comment))


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
