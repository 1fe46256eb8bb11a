"""`authz init`: a policy to begin with, and its tests."""

from pathlib import Path

import click

from authz.cli.outcome import Exit, complain, end
from authz.cli.output import Output, with_output
from authz.policy.starters import Starter, starter_files


@click.command("init")
@click.option(
    "--template",
    type=click.Choice([str(starter) for starter in Starter]),
    default=str(Starter.FAMILY),
    help="Which policy to begin with; family if left out.",
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to write; here if left out.",
)
@with_output
def init(*, template: str, folder: Path, out: Output) -> None:
    """Write a policy to begin with, its tests, and an example of settings.

    family: everybody signs in, one or two administer. public-demo: strangers may look
    around. admins-only: nobody else gets in. signed-in: whoever is signed in uses the
    app. A file that is there is never written over.

    Exit code 0: written; 3: one of the files is there already, so none was written.
    """
    files = starter_files(Starter(template))
    there = [name for name in files if (folder / name).exists()]
    if there:
        for name in there:
            complain(f"{folder / name}: the file is there already: move it away first")
        end(Exit.INVALID)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        # `x`: somebody else may have been faster.
        with (folder / name).open("x", encoding="utf-8") as file:
            file.write(text)
    out.line(f"wrote {', '.join(str(folder / name) for name in files)}")
    out.line(
        "next: put the paths of your app in, and run `authz lint` and `authz test`"
    )
    out.document({"written": [str(folder / name) for name in files]})
