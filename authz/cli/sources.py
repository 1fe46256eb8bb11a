"""Where a command gets policies from: a file, standard input, or a revision in Git."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from authz.bounded_read import read_file
from authz.cli.app import app_if_any, context_here
from authz.cli.output import plain
from authz.decision import PolicyInForce
from authz.errors import PolicyError, StoreError
from authz.policy.build import build_policy
from authz.policy.csv_rows import MAX_BYTES
from authz.settings import Settings, read_settings
from authz.stores.model_file import read_model_text
from authz.stores.places import policy_source, shown
from authz.stores.policy_text import stored_text

if TYPE_CHECKING:
    from authz.policy.route_tables import RoutePattern

_GIT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyText:
    """The text of a policy, and what it is called."""

    data: bytes
    source: str


def settings_here(model: str | None = None) -> Settings:
    """Return the settings of the app, or those of the environment.

    Raises:
        SettingsError: if they are wrong.
    """
    app = app_if_any()
    if app is not None and model is None:
        return app.runtime.settings
    config: dict[str, Any] = {"AUTHZ_MODEL": model} if model else {}
    return read_settings(config, os.environ)


def read_policy(place: str | None, settings: Settings) -> PolicyText:
    """Return the policy at *place*; without one, that of the settings.

    *place* is a path, `-` for standard input, `git:REV:PATH` for a file as a revision
    of Git has it, `store:` for what the store holds now, or `store:41` for what its
    revision 41 left.

    Raises:
        StoreError: if it cannot be read, in words that say what to do.
    """
    if place is None:
        return PolicyText(data=stored_text(settings), source=policy_source(settings))
    if place == "-":
        return PolicyText(data=sys.stdin.buffer.read(MAX_BYTES + 1), source="stdin")
    if place.startswith("git:"):
        return _from_git(place)
    if place.startswith("store:"):
        return _from_store(place)
    try:
        data = read_file(place, most=MAX_BYTES, pipes=True)
        return PolicyText(data=data, source=shown(Path(place)))
    except OSError as error:
        raise StoreError(
            f"{place}: the policy cannot be read ({error.strerror}): check the path"
        ) from error


def build(
    text: PolicyText, settings: Settings, *, partial: bool = True
) -> PolicyInForce:
    """Return the policy that *text* makes with what *settings* add to it.

    *partial* says that accounts may be named elsewhere than here.

    Raises:
        PolicyError: if it cannot be used.
        StoreError: if the model cannot be read.
    """
    source, model = read_model_text(settings)
    return build_policy(
        model,
        text.data,
        rules=settings.rules,
        grants=settings.grants,
        model_source=source,
        policy_source=text.source,
        partial=partial,
    ).policy


def known_routes(path: str | None) -> "tuple[RoutePattern, ...]":
    """Return the routes of the table at *path*, or of the app; empty without both.

    Raises:
        PolicyError: if it is no table.
        StoreError: if it cannot be read.
    """
    if path is not None:
        from authz.policy.route_tables import read_routes

        try:
            return read_routes(read_file(path, most=MAX_BYTES, pipes=True), source=path)
        except OSError as error:
            raise StoreError(
                f"{path}: the routes cannot be read ({error.strerror}): make the file "
                "with `flask authz routes --json`"
            ) from error
    app = app_if_any()
    return app.routes if app is not None else ()


def same_text(text: PolicyText) -> str:
    """Return *text* as text; what is not UTF-8 is a problem.

    Raises:
        PolicyError: if so.
    """
    try:
        return text.data.decode()
    except UnicodeDecodeError as error:
        raise PolicyError.at(
            text.source, "the file is not UTF-8", "save it as UTF-8"
        ) from error


def _from_store(place: str) -> PolicyText:
    number = place.removeprefix("store:")
    if number and not (number.isascii() and number.isdigit()):
        raise click.BadParameter(
            f"`{plain(place)}` is no revision: write `store:`, or say `store:41`"
        )
    from authz.admin.transfer import Form, exported

    with context_here() as context:
        records = context.records
        if not number:
            return PolicyText(
                data=exported(records.snapshot(), Form.CSV).encode(), source="store"
            )
        try:
            then = records.at(int(number))
        except LookupError as error:
            raise StoreError(
                f"{place}: the store does not have this revision (any more): look with "
                "`authz history`"
            ) from error
        return PolicyText(data=exported(then, Form.CSV).encode(), source=place)


def _from_git(place: str) -> PolicyText:
    _, revision, path = (*place.split(":", 2), "", "")[:3]
    if not revision or not path or revision.startswith("-"):
        raise click.BadParameter(
            f"`{place}` is not a file in Git: write for example `git:main:policy.csv`"
        )
    import subprocess

    # `./`: as a path in this folder, not in the root of the repository.
    name = path if path.startswith("/") else f"./{path}"
    try:
        done = subprocess.run(  # noqa: S603 - a list, and no revision is an option
            ["git", "show", "--end-of-options", f"{revision}:{name}"],  # noqa: S607 - whichever git the operator uses
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(
            f"{place}: git cannot be run ({error}): install git, or give a file"
        ) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().partition("\n")[0]
        said = plain(said.removeprefix("fatal: "))
        raise StoreError(
            f"{place}: there is no such revision or file ({said}): "
            f"look with `git log -- {path}`"
        )
    return PolicyText(data=done.stdout[: MAX_BYTES + 1], source=f"{revision}:{path}")


routes_option: Final = click.option(
    "--routes",
    "routes_file",
    type=click.Path(dir_okay=False),
    help="The routes of the app, as `flask authz routes --json` wrote them.",
)
model_option: Final = click.option(
    "--model", type=click.Path(dir_okay=False), help="Instead of AUTHZ_MODEL."
)
policy_option: Final = click.option(
    "--policy",
    help="A file, git:REV:PATH or store:N, instead of AUTHZ_POLICY.",
)
