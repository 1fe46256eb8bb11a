"""How a command ends: exit codes, and problems in words.

A crash ends with 1, so it can never be read as a verdict.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn

import click

from authz.errors import PolicyError, SettingsError, StoreError

SCHEMA = "authz/v1"


class Exit(IntEnum):
    """What an exit code says. 1 is an unexpected error, 2 a wrong command line."""

    OK = 0
    INVALID = 3
    NOT_COVERED = 4
    DENIED = 5
    UNREACHABLE = 7


@contextmanager
def problems_in_words() -> Iterator[None]:
    """End with exit code 3 and every problem when settings or policy are invalid."""
    try:
        yield
    except (PolicyError, SettingsError) as error:
        for problem in error.problems:
            click.echo(f"error  {problem}", err=True)
        end(Exit.INVALID)
    except StoreError as error:
        click.echo(f"error  {error}", err=True)
        end(Exit.INVALID)


def print_json(document: Mapping[str, Any]) -> None:
    """Print *document* with its schema."""
    click.echo(json.dumps({"schema": SCHEMA, **document}, indent=2))


def end(code: Exit) -> NoReturn:
    """End the command with *code*."""
    raise click.exceptions.Exit(int(code))
