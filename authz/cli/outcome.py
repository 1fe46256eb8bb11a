"""How a command ends: exit codes, and problems in words.

A crash ends with 1, so it can never be read as a verdict.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, Final, NoReturn

import click

from authz.errors import (
    AuthzError,
    PolicyError,
    SettingsError,
    StoreError,
    StoreUnreachable,
)

SCHEMA: Final = "authz/v1"


class Exit(IntEnum):
    """What an exit code says."""

    #: allowed, or done
    OK = 0
    #: an unexpected error; never a verdict
    ERROR = 1
    #: the command line is wrong
    USAGE = 2
    #: the policy, the model, the tests or the settings are invalid
    INVALID = 3
    #: a test failed, or rules or routes are not covered
    FAILED = 4
    #: denied
    DENIED = 5
    #: there are differences
    DIFFERS = 6
    #: the database or the identity provider cannot be reached, or a process does not
    #: serve the change yet
    UNREACHABLE = 7


@contextmanager
def problems_in_words() -> Iterator[None]:
    """End with every problem in words when something cannot be used or reached.

    The exit code is 7 for a store that cannot be reached and 3 for everything else
    that authz has words for.
    """
    try:
        yield
    except (PolicyError, SettingsError) as error:
        for problem in error.problems:
            complain(str(problem))
        end(Exit.INVALID)
    except StoreUnreachable as error:
        complain(str(error))
        end(Exit.UNREACHABLE)
    except (StoreError, AuthzError) as error:
        complain(str(error))
        end(Exit.INVALID)


def print_json(document: Mapping[str, Any]) -> None:
    """Print *document* with its schema."""
    click.echo(json.dumps({"schema": SCHEMA, **document}, indent=2))


def complain(problem: str) -> None:
    """Say on standard error what is wrong."""
    click.echo(f"{click.style('error', fg='red')}  {problem}", err=True)


def warn(problem: str) -> None:
    """Say on standard error what is wrong, but stops nothing."""
    click.echo(f"{click.style('warning', fg='yellow')}  {problem}", err=True)


def end(code: Exit) -> NoReturn:
    """End the command with *code*."""
    raise click.exceptions.Exit(int(code))
