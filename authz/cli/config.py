"""`authz config`: the settings as they are."""

import os
from collections.abc import Mapping
from typing import Any

import click
from flask import current_app, has_app_context

from authz.cli.outcome import Exit, end, problems_in_words
from authz.cli.output import Output, plain, with_output
from authz.settings import read_settings
from authz.settings.adapters import adapter_settings
from authz.settings.shown import shown_settings


@click.group("config")
def config() -> None:
    """Show the settings."""


@config.command("show")
@click.option("--sources", is_flag=True, help="Say where each setting comes from.")
@click.option(
    "--all", "everything", is_flag=True, help="Show also the settings that are not set."
)
@with_output
def show(*, sources: bool, everything: bool, out: Output) -> None:
    """Print the settings. Secrets, and what may hold one, are masked.

    Exit code 0: they can be used; 3: they cannot, and why.
    """
    app: Mapping[str, Any] = current_app.config if has_app_context() else {}
    others, _ = adapter_settings()
    found = [
        setting
        for setting in shown_settings(app, os.environ, others)
        if everything or setting.source != "default"
    ]
    out.document(
        {
            "settings": [
                {
                    "name": setting.name,
                    "value": setting.value,
                    "source": setting.source,
                    "default": setting.default,
                }
                for setting in found
            ]
        }
    )
    for setting in found:
        value = setting.value
        if value is None:
            value = f"({setting.default})"
        line = f"{setting.name}={plain(value)}"
        out.line(f"{line}  # {plain(setting.source)}" if sources else line)
    if not found:
        out.line("nothing is set: every setting has its default")
    with problems_in_words():
        read_settings(app, os.environ)
    end(Exit.OK)
