"""`authz init`: a policy to begin with, and its tests."""

import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from authz.cli.new_files import write_new
from authz.cli.outcome import problems_in_words
from authz.cli.output import Output, with_output
from authz.policy.starters import Starter, starter_files

if TYPE_CHECKING:
    from authz.policy.route_tables import RoutePattern


@click.command("init")
@click.option(
    "--template",
    type=click.Choice([str(starter) for starter in Starter]),
    help="Which policy to begin with; without an app, family by default.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to write; here by default.",
)
@with_output
def init(*, template: str | None, folder: Path, out: Output) -> None:
    """Write a first policy, its tests, and example settings.

    `flask authz init` makes them from the routes of the app: what shows something is
    for users, assets are for everyone, and what changes something or is unclear stays
    closed until you decide. A template is written instead if one is named.

    family: everybody signs in, one or two administer. public-demo: strangers may look
    around. admins-only: nobody else gets in. signed-in: whoever is signed in uses the
    app. An existing file is never overwritten.

    Exit code 0: written; 3: one of the files exists already, or
    they cannot be written, so none was.
    """
    routes, sockets = ((), frozenset()) if template else _own_routes()
    if routes:
        from authz.policy.starters.from_routes import files_for

        files = dict(files_for(routes, sockets))
    else:
        if template is None and (app := _app_here(folder)):
            raise click.UsageError(
                f"{app} looks like a Flask app: `flask authz init`, before the app is "
                "guarded, makes the policy of its routes; for one to begin with say "
                "which: `authz init --template family`"
            )
        files = starter_files(Starter(template or Starter.FAMILY))
    with problems_in_words():
        contents = {name: text.encode() for name, text in files.items()}
        written = write_new(folder, contents, there="move it away first")
    out.line(f"wrote {', '.join(map(str, written))}")
    out.line(
        "next: read policy.csv and decide what is marked, then guard the app with "
        "`Authz(app)` and run `flask authz routes` and `authz test`"
        if routes
        else "next: put the paths of your app in, and run `authz lint` and `authz test`"
    )
    out.document({"written": list(map(str, written))})


def _app_here(folder: Path) -> Path | None:
    """Return the file in *folder* that `flask` would take for the app, if there is."""
    for name in ("wsgi.py", "app.py"):
        with suppress(OSError, UnicodeDecodeError):
            if "flask" in (folder / name).read_text(encoding="utf-8"):
                return folder / name
    return None


def _own_routes() -> "tuple[tuple[RoutePattern, ...], frozenset[str]]":
    """Return the routes of the app, without authz's; and which are WebSockets."""
    if "flask" not in sys.modules:
        return (), frozenset()
    from flask import current_app, has_app_context

    from authz.policy.route_tables import is_ours, route_patterns

    if not has_app_context():
        return (), frozenset()
    guarded: Any = current_app.extensions.get("authz")
    public = guarded.views.public_endpoints if guarded is not None else ()
    rules = [r for r in current_app.url_map.iter_rules() if not is_ours(r.endpoint)]
    sockets = frozenset(rule.rule for rule in rules if rule.websocket)
    return tuple(route_patterns(rules, public)), sockets
