"""What every command prints: text for people, or one JSON document for programs."""

import functools
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, ParamSpec, TypeVar

import click

from authz.cli.outcome import print_json

_P = ParamSpec("_P")
_R = TypeVar("_R")
_T = TypeVar("_T")

_OPTIONS: Final = (
    click.option("--json", "as_json", is_flag=True, help="Print JSON."),
    click.option("--quiet", "-q", is_flag=True, help="Print errors only."),
    click.option(
        "--no-color", is_flag=True, help="Print no colours; NO_COLOR does the same."
    ),
)


class Output:
    """Prints lines or a document, whichever was asked for, or nothing."""

    def __init__(self, *, as_json: bool = False, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    def line(self, text: str = "", *, fg: str | None = None) -> None:
        """Print a line for people, in the colour *fg*."""
        if not self.as_json and not self.quiet:
            click.secho(text, fg=fg)

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines for people."""
        for text in lines:
            self.line(text)

    def wanted(self, text: str) -> None:
        """Print what was asked for alone on its line, also with --quiet."""
        if not self.as_json:
            click.echo(text)

    def document(
        self, document: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    ) -> None:
        """Print *document* for programs, with its schema; made only if it is."""
        if self.as_json and not self.quiet:
            print_json(document() if callable(document) else document)

    @contextmanager
    def progress(self, items: Iterable[_T], *, label: str) -> Iterator[Iterable[_T]]:
        """Show on standard error how far the work on *items* is, to people only."""
        if self.quiet or self.as_json or not sys.stderr.isatty():
            yield items
            return
        with click.progressbar(items, label=label, file=sys.stderr) as bar:
            yield bar


def columns(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield *rows* as lines, the cells of each column but the last equally wide."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for *cells, last in rows:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=False))
        yield "  ".join([*padded, last]).rstrip()


def plain(text: str) -> str:
    """Return *text* without what a terminal would act on: it comes from strangers."""
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )


def output_options(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Give *command* the options that all have."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def with_output(command: Callable[_P, _R]) -> Callable[..., _R]:
    """Give *command* the options that all have, and an `Output` as `out`."""

    @output_options
    @functools.wraps(command)
    def with_options(
        *args: Any, as_json: bool, quiet: bool, no_color: bool, **options: Any
    ) -> _R:
        if no_color or os.environ.get("NO_COLOR"):  # https://no-color.org
            click.get_current_context().color = False
        return command(
            *args, **{**options, "out": Output(as_json=as_json, quiet=quiet)}
        )

    return with_options
