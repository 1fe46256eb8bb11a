"""Writes the reference pages that are made from the code: run by `make docs`."""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

import click
from authz_audiomuse.music.commands import music
from authz_audiomuse.music.faults import Fault
from authz_audiomuse.music.kinds import KINDS
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.port import Capabilities, Privacy, Proof
from authz_audiomuse.settings import SETTINGS as AUDIOMUSE_SETTINGS

from authz.audit import EventTag
from authz.cli import flask_group, main
from authz.cli.outcome import Exit
from authz.cli.schema import TEST_FILE, schema_text
from authz.decision import Reason
from authz.identity.presets import PRESETS, Preset
from authz.identity.why import Why
from authz.policy.lint import MEANINGS, Code, severity_of
from authz.settings import SETTINGS
from authz.web.api import openapi
from authz.web.api.openapi import errors_of
from authz.web.api.operation import Match, Operation
from authz.web.api.resources import OPERATIONS

REFERENCE = Path(__file__).parent / "reference"
#: What was tried on real servers, as it was written down.
SEEN = Path(__file__).parents[1] / "tests/real/seen.md"
_NOTE = "<!-- Made from the code by docs/generate.py; change the code instead. -->"


def pages() -> dict[str, str]:
    """Return the text of each generated page by its file name."""
    return {
        "settings.md": "\n".join(_settings()),
        "commands.md": "\n".join(_commands()),
        "lint.md": "\n".join(_lint()),
        "policy-tests.schema.json": schema_text(TEST_FILE),
        "events.md": "\n".join(_events()),
        "presets.md": "\n".join(_presets()),
        "http-api.md": "\n".join(_http_api()),
        "audiomuse.md": "\n".join(_audiomuse()),
        "music-servers.md": "\n".join(_music_servers()),
    }


def _settings() -> Iterator[str]:
    yield from ("# Settings", "", _NOTE, "")
    yield (
        "Each is looked for in the app's config (`app.config`) and then in the "
        "environment. All are read once, at start; every problem is reported at once. "
        "A name that begins with `AUTHZ_` and is not listed here is a problem. Those "
        "marked *file* may also come from a file, named by the setting with `_FILE` "
        "behind it; setting both is a problem."
    )
    yield from ("", "| Setting | Default | What it does |", "|---|---|---|")
    for setting in SETTINGS:
        more = " *(file)*" if setting.from_file else ""
        alias = f" Also: `{setting.alias}`." if setting.alias else ""
        yield f"| `{setting.name}`{more} | {setting.default} | {setting.help}{alias} |"
    yield ""


def _commands() -> Iterator[str]:
    yield from ("# Commands", "", _NOTE, "")
    yield (
        "`authz ...` reads its settings from the environment; `flask authz ...` asks "
        "the app. With `--json` the output is a document with "
        '`"schema": "authz/v1"`; `authz schema` prints its JSON Schema. Errors go to '
        "standard error, each in one line. `--no-color`, or `NO_COLOR` in the "
        "environment, prints no colours."
    )
    yield from ("", "| Exit code | Meaning |", "|---|---|")
    for code, meaning in _documented(Exit, "cli/outcome.py"):
        yield f"| {code} | {meaning} |"
    commands = _flat("authz", main)
    commands |= {
        name: command
        for name, command in _flat("flask authz", flask_group).items()
        if name.removeprefix("flask ") not in commands
    }
    for name, command in sorted(commands.items()):
        context = click.Context(
            command, info_name=name, terminal_width=80, max_content_width=80
        )
        yield from ("", f"## `{name}`", "", "```", command.get_help(context), "```")
    yield ""


def _flat(prefix: str, group: click.Group) -> dict[str, click.Command]:
    """Return every command by its full name, those of groups within too."""
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= _flat(f"{prefix} {name}", command)
            if not command.invoke_without_command:
                continue
        found[f"{prefix} {name}"] = command
    return found


def _lint() -> Iterator[str]:
    yield from ("# What lint finds", "", _NOTE, "")
    yield (
        "`authz lint` says what is odd about a policy. A finding that is meant is "
        "allowed by a comment above its line: `# lint: allow unsafe-for-everyone`. "
        "Errors end it with exit code 3; with `--fail-on warning`, warnings do too."
    )
    yield from ("", "| Kind | Severity | Meaning |", "|---|---|---|")
    for code in Code:
        yield f"| `{code}` | {severity_of(code)} | {MEANINGS[code]} |"
    yield ""


def _events() -> Iterator[str]:
    yield from ("# Reasons and events", "", _NOTE, "")
    yield "## Reasons: why a decision came out as it did"
    yield from ("", "| Reason | Meaning |", "|---|---|")
    for member, meaning in _documented(Reason, "decision/answer.py"):
        yield f"| `{member}` | {meaning} |"
    yield from ("", "## Why a credential was refused", "")
    yield (
        "The answer is 401 and does not say which of these it was; the `reason` of the "
        "event `identity:invalid` does, and its `source` says whose credential it was."
    )
    yield from ("", "| Reason | Meaning |", "|---|---|")
    for member, meaning in _documented(Why, "identity/why.py"):
        yield f"| `{member}` | {meaning} |"
    yield from ("", "## Events: what the audit log holds", "")
    yield (
        "Events go to the logger `authz.audit`, each one line of ASCII JSON. They hold "
        "no token, cookie or password."
    )
    yield from ("", "| Event | Meaning |", "|---|---|")
    for member, meaning in _documented(EventTag, "audit/events.py"):
        yield f"| `{member}` | {meaning} |"
    yield ""


def _audiomuse() -> Iterator[str]:
    yield from ("# AudioMuse-AI: settings and commands", "", _NOTE, "")
    yield (
        "What `authz-audiomuse` adds to the [settings](settings.md) and "
        "[commands](commands.md) of authz."
    )
    yield from ("", "## Settings", "", "| Setting | Default | What it does |")
    yield "|---|---|---|"
    for setting in AUDIOMUSE_SETTINGS:
        more = " *(file)*" if setting.from_file else ""
        yield f"| `{setting.name}`{more} | {setting.default} | {setting.help} |"
    yield from ("", "## What can be wrong with a music account", "")
    yield (
        "These words stand in the output of the commands with `--json`, in the audit "
        "log as the `reason`, and in the database."
    )
    yield from ("", "| Word | Meaning |", "|---|---|")
    source = "../adapters/audiomuse/authz_audiomuse/music/faults.py"
    for member, meaning in _documented(Fault, source):
        yield f"| `{member}` | {meaning} |"
    for name, command in sorted(_flat("authz music", music).items()):
        context = click.Context(
            command, info_name=name, terminal_width=80, max_content_width=80
        )
        yield from ("", f"## `{name}`", "", "```", command.get_help(context), "```")
    yield ""


def _music_servers() -> Iterator[str]:
    yield from ("# Music servers", "", _NOTE, "")
    yield (
        "What each kind of server in `AUTHZ_MUSIC_SERVERS` can do for a linked "
        "account, from which of its sources or documents that is known, and what was "
        "tried on which version. How people connect: "
        "[music accounts](../how-to/music-accounts.md); server by server: "
        "[where to find what is asked for](../how-to/music-accounts-servers.md)."
    )
    yield from ("", "## What they can do", "")
    yield "| | " + " | ".join(f"`{kind}`" for kind in ServerKind) + " |"
    yield "|---" * (len(ServerKind) + 1) + "|"
    for shown, cell in _ABILITIES.items():
        cells = (cell(KINDS[kind].capabilities) for kind in ServerKind)
        yield f"| {shown} | " + " | ".join(cells) + " |"
    yield from ("", "## From where that is known")
    for kind in ServerKind:
        yield from ("", f"### `{kind}`", "")
        for ability, source in KINDS[kind].capabilities.evidence.items():
            yield f"- {ability.replace('_', ' ')}: {source}."
    yield from ("", "## What was tried", "", SEEN.read_text(encoding="utf-8"))


_ABILITIES: dict[str, Callable[[Capabilities], str]] = {
    "Accounts of one's own": lambda can: _yes(can.has_accounts),
    "Entered": lambda can: " or ".join(
        "name and API key"
        if proof is Proof.API_KEY and can.key_needs_name
        else {"password": "name and password", "api-key": "API key, where listed"}[
            proof
        ]
        for proof in can.proofs
    ),
    "Kept": lambda can: (
        ""
        if not can.proofs
        else "a token"
        if can.signs_out
        else "the password or key"
        if can.keeps_password
        else "the key"
    ),
    "An account may have no password": lambda can: _yes(can.may_lack_password),
    "Given back when a link ends": lambda can: _yes(can.signs_out),
    "Playlists can be hidden from others": lambda can: _yes(
        can.privacy is Privacy.CAN_BE_MADE
    ),
    "Wrong attempts in a row that stop everybody": lambda can: str(
        can.wrong_in_a_row or ""
    ),
}


def _yes(can: bool) -> str:  # noqa: FBT001 - the cell of a table
    return "yes" if can else ""


def _presets() -> Iterator[str]:
    yield from ("# Presets for sign-in proxies", "", _NOTE, "")
    yield (
        "`AUTHZ_PROXY_PRESET` is one of these words. What a preset says, a setting can "
        "say otherwise. How to use them: "
        "[behind a proxy](../how-to/behind-a-proxy.md)."
    )
    for preset in PRESETS.values():
        yield from ("", f"## `{preset.name}`", "", preset.note, "")
        yield f"Documented by its makers: <{preset.documented}>"
        yield from ("", "| What | Value |", "|---|---|")
        for what, value in _preset_rows(preset):
            yield f"| {what} | {value} |"
    yield ""


def _preset_rows(preset: Preset) -> Iterator[tuple[str, str]]:
    if preset.jwt:
        jwt = preset.jwt
        yield "signed token in", f"`{jwt.header}`"
        yield "signed with", ", ".join(f"`{name}`" for name in jwt.algorithms)
        yield (
            "keys",
            f"`{jwt.jwks_url or jwt.pem_url}`"
            if (jwt.jwks_url or jwt.pem_url)
            else "set `AUTHZ_JWT_JWKS_URL`",
        )
        yield "issuer", f"`{jwt.issuer}`" if jwt.issuer else "set `AUTHZ_JWT_ISSUER`"
        if jwt.audience_claim != "aud":
            yield "audience", f"`{jwt.audience_claim}` of the token's header"
        yield "id", f"claim `{jwt.subject}`".replace("|", "\\|")
        yield "groups", f"claim `{jwt.groups}`" if jwt.groups else "none"
    if preset.headers:
        headers = preset.headers
        yield (
            "plain headers",
            ", ".join(
                f"`{name}` ({what})"
                for name, what in (
                    (headers.user, "id"),
                    (headers.groups, f"groups, between them `{headers.separator}`"),
                    (headers.display_name, "name to show"),
                )
                if name
            ).replace("|", "\\|"),
        )
    yield (
        "sign-out",
        f"`{preset.sign_out}`" if preset.sign_out else ("set `AUTHZ_SIGN_OUT_URL`"),
    )


def _http_api() -> Iterator[str]:
    yield from ("# HTTP API", "", _NOTE, "")
    yield (
        "Below `<AUTHZ_URL_PREFIX>/api/v1`, usually `/authz/api/v1`. The same as an "
        "OpenAPI 3.1 document is served at `/authz/api/v1/openapi.json`. How to begin "
        "is in [use the API](../how-to/use-the-api.md)."
    )
    yield ""
    yield (
        "Bodies are JSON (`Content-Type: application/json`), without unknown fields. "
        "Errors are `application/problem+json` (RFC 9457) with `type`, `title`, "
        "`status`, `detail`, `request_id` and, where there are several, `errors`. Any "
        "operation may answer 400, 401, 403, 500 and 503; the table says what else."
    )
    tag = ""
    for operation in sorted(OPERATIONS, key=lambda o: o.tag):
        if operation.tag != tag:
            tag = operation.tag
            yield from ("", f"## {tag}")
        yield from _operation(operation)
    yield from ("", "## Errors", "", "| Status | Meaning |", "|---|---|")
    for status, meaning in openapi.MEANINGS.items():
        yield f"| {status} | {meaning} |"
    yield ""


def _operation(operation: Operation) -> Iterator[str]:
    shown = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", operation.path)
    yield from (
        "",
        f"### `{operation.method} {shown}`",
        "",
        f"{operation.summary}.",
        "",
    )
    yield from ("| What | | |", "|---|---|---|")
    for part, schema in operation.parts.items():
        yield f"| path | `{part}` | {schema['description']} |"
    for key, schema in operation.query.items():
        needed = " *Required.*" if key in operation.needed else ""
        yield f"| query | `{key}` | {schema['description']}{needed} |"
    if operation.match is not Match.NONE:
        star = ", or `*`" if operation.match is Match.ANY else ""
        yield f"| header | `If-Match` | The `ETag` that was seen{star}. *Required.* |"
    if operation.body is not None:
        required = operation.body.get("required", [])
        for key, schema in operation.body["properties"].items():
            needed = " *Required.*" if key in required else ""
            yield f"| body | `{key}` | {schema.get('description', '')}{needed} |"
    for status, schema in operation.answers.items():
        fields = ", ".join(f"`{key}`" for key in (schema or {}).get("properties", {}))
        tagged = " With an `ETag`." if operation.has_etag else ""
        what = fields or ("a text" if operation.other_types else "nothing")
        yield f"| answer | {status} | {what}.{tagged} |"
    usual = {400, 401, 403, 500, 503}
    errors = ", ".join(str(e) for e in errors_of(operation) if e not in usual)
    if errors:
        yield f"| errors | | {errors} |"


def _documented(enum: type[Enum], source: str) -> Iterator[tuple[str, str]]:
    """Yield each member with the `#:` comment above it."""
    text = (Path(__file__).parent.parent / "authz" / source).read_text(encoding="utf-8")
    for comment, value in re.findall(
        r'((?: +#: .*\n)+) +\w+ = "?([a-z0-9:-]+)"?', text
    ):
        if value in set(map(str, enum)):
            yield value, " ".join(re.findall(r"#: (.*)", comment))


if __name__ == "__main__":
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")
