"""The schemas that are shipped."""

import json
from collections.abc import Iterator

import click
import jsonschema
import pytest
import yaml

from authz.cli import flask_group, main
from authz.cli.schema import TEST_FILE, schema_names, schema_text
from authz.errors import PolicyError
from authz.policy.analysis.tests_file import read_tests
from authz.policy.starters import Starter, starter_files
from tests.cli.commands import run
from tests.unit.policy.test_tests_file import GOOD


@pytest.mark.parametrize("name", schema_names())
def test_a_schema_is_one(name: str):
    """Each is a JSON Schema, and is printed as it is."""
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text(name)))

    assert run("schema", name).output == schema_text(name)


def test_each_command_with_json_has_one():
    """No document without a schema."""
    names = {name for group in (main, flask_group) for name in with_json(group)}

    assert names == set(schema_names()) - {TEST_FILE}


def test_each_command_has_the_same_options():
    """All but those that print one thing, which somebody pipes somewhere else."""
    bare = {
        *("completion", "export", "hash-password", "schema", "serve"),
        *("generate-key", "signing-key"),
    }
    for group in (main, flask_group):
        for command in every(group):
            options = {option for param in command.params for option in param.opts}
            missing = {"--json", "--quiet", "--no-color"} - options
            assert not missing or command.name in bare, (command.name, missing)


def every(group: click.Group) -> Iterator[click.Command]:
    """Yield the commands of *group*, and of groups within, that do something."""
    for command in group.commands.values():
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield command
        if isinstance(command, click.Group):
            yield from every(command)


def with_json(group: click.Group, prefix: str = "") -> Iterator[str]:
    """Yield the commands of *group*, and of groups within, that have `--json`."""
    for name, command in group.commands.items():
        if any("--json" in param.opts for param in command.params):
            yield f"{prefix}{name}"
        if isinstance(command, click.Group):
            yield from with_json(command, f"{prefix}{name}-")


def valid(text: str) -> bool:
    """Whether *text* is what the schema of test files says."""
    schema = json.loads(schema_text(TEST_FILE))
    return jsonschema.Draft202012Validator(schema).is_valid(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text", [GOOD, *(starter_files(s)["policy_test.yaml"] for s in Starter)]
)
def test_what_is_read_is_valid(text: str):
    """The schema takes what the reader takes."""
    read_tests(text.encode())

    assert valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        "tests: []",
        "tests: [{as: anonymous, allow: GET /}]",
        "tests: [{name: x}]",
        "tests: [{name: x, as: anonymous}]",
        "tests: [{name: x, allow: GET /}]",
        "tests: [{name: x, as: anonymous, alow: GET /}]",
        "tests: [{name: x, as: anonymous, allow: /}]",
        "tests: [{name: x, matrix: {request: GET /}}]",
        "people: {a: {role: x}}\ntests: [{name: x, as: a, allow: GET /}]",
        "people: {anonymous: {}}\ntests: [{name: x, as: anonymous, allow: GET /}]",
        "mounts: [x]\ntests: [{name: x, as: anonymous, allow: GET /}]",
    ],
)
def test_what_is_refused_is_not_valid(text: str):
    """An editor marks what the reader would refuse."""
    with pytest.raises(PolicyError):
        read_tests(text.encode())

    assert not valid(text)
