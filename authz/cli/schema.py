"""`authz schema`: the JSON Schemas of what commands print and read."""

from importlib.resources import files
from typing import Final

import click

#: The schema of policy test files, and one for each command with `--json`.
TEST_FILE: Final = "policy-tests"


def schema_names() -> list[str]:
    """Return the names of all schemas."""
    return sorted(
        entry.name.removesuffix(".json")
        for entry in files("authz.cli").joinpath("schemas").iterdir()
        if entry.name.endswith(".json")
    )


def schema_text(name: str) -> str:
    """Return the schema *name*, in JSON."""
    folder = files("authz.cli").joinpath("schemas")
    return folder.joinpath(f"{name}.json").read_text(encoding="utf-8")


@click.command("schema")
@click.argument("name", type=click.Choice(schema_names()))
def schema(name: str) -> None:
    """Print the JSON Schema of what a command prints, or of a policy test file.

    NAME is `policy-tests`, or a command that has --json.
    """
    click.echo(schema_text(name), nl=False)
