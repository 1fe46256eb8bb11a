"""Commands as an operator types them, and their documents held to their schemas."""

import json
from typing import Any

import jsonschema
from click.testing import CliRunner, Result
from flask import Flask

from authz.cli import flask_group, main
from authz.cli.schema import schema_text


def run(*args: str, stdin: str | bytes | None = None) -> Result:
    """Type `authz ...`."""
    return CliRunner().invoke(main, args, input=stdin)


def flask_run(app: Flask, *args: str) -> Result:
    """Type `flask authz ...`."""
    return app.test_cli_runner().invoke(flask_group, args)


def document(result: Result, schema: str) -> dict[str, Any]:
    """Return what a command printed with `--json`, held to its schema."""
    printed: dict[str, Any] = json.loads(result.stdout)
    jsonschema.validate(printed, json.loads(schema_text(schema)))
    return printed
