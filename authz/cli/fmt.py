"""`authz fmt`: a policy file in its canonical spelling."""

import difflib
from pathlib import Path

import click

from authz.cli.outcome import Exit, complain, end, problems_in_words
from authz.cli.output import Output, with_output
from authz.cli.sources import PolicyText, read_policy, settings_here
from authz.errors import StoreError
from authz.policy.format import formatted
from authz.stores.file.policy import hint_to_write, led_to, write_whole


@click.command("fmt")
@click.argument("policies", nargs=-1, metavar="[POLICY]...")
@click.option(
    "--check", is_flag=True, help="Write nothing; say which files would change."
)
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@with_output
def fmt(policies: tuple[str, ...], *, check: bool, diff: bool, out: Output) -> None:
    """Write each POLICY file in its canonical form: spaces, line ends and quotes.

    Comments, the order of lines and their meaning stay. Without a file, the policy of
    the settings; `-` reads standard input and writes standard output.

    Exit code 0: done, or all is canonical; 6: --check or --diff found a difference.
    """
    changed: list[str] = []
    with problems_in_words():
        settings = settings_here()
        for place in policies or (str(settings.policy),):
            if place.startswith("git:"):
                raise click.BadParameter(
                    "what is in Git stays as it is: give a file", param_hint="POLICY"
                )
            text = read_policy(place, settings)
            tidy = formatted(text.data, source=text.source)
            if place == "-" and not (check or diff):
                click.echo(tidy, nl=False)
                continue
            if tidy == text.data:
                continue
            changed.append(text.source)
            if diff:
                out.lines(_diff(text, tidy))
            elif not check:
                _write(place, tidy)
    reading = check or diff
    for source in changed:
        if check and not diff:
            complain(f"{source}: not canonical: run `authz fmt {source}`")
        elif not reading:
            out.line(f"{source}: spelled canonically")
    out.document({"changed": changed, "written": not reading})
    end(Exit.DIFFERS if changed and reading else Exit.OK)


def _diff(text: PolicyText, tidy: bytes) -> list[str]:
    return [
        line.rstrip("\r\n")
        for line in difflib.unified_diff(
            text.data.decode("utf-8-sig").splitlines(keepends=True),
            tidy.decode().splitlines(keepends=True),
            fromfile=text.source,
            tofile=f"{text.source} (canonical)",
        )
    ]


def _write(place: str, tidy: bytes) -> None:
    target = led_to(Path(place))
    try:
        write_whole(target, tidy, mode=target.stat().st_mode & 0o777)
    except OSError as error:
        raise StoreError(
            f"{place}: the file cannot be written ({error.strerror}): "
            f"{hint_to_write(error, target.parent)}"
        ) from error
