"""The page that says what changes for AudioMuse-AI says what is so."""

import re
from pathlib import Path

from authz_audiomuse.music.sql_links import migrate_links
from flask import Flask
from sqlalchemy import inspect

from authz import Authz
from authz.extension import get_authz
from tests.web.apps import CHEAP_ALICE

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "audiomuse.md"


def test_every_table_and_column_is_named(tmp_path: Path):
    """Those that authz makes in a database, and no others."""
    (tmp_path / "policy.csv").write_text("p, role:admin, /*, *\n")
    app = Flask("app")
    app.config.update(
        AUTHZ_POLICY_SEED=str(tmp_path / "policy.csv"),
        AUTHZ_STORE=f"sqlite:///{tmp_path}/a.db",
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
    )
    Authz(app)
    runtime = get_authz(app).runtime
    stored = runtime.stores.database
    assert stored is not None
    migrate_links(stored.database)
    found = inspect(stored.database.engine)
    tables = {
        name: {column["name"] for column in found.get_columns(name)}
        for name in found.get_table_names()
    }
    runtime.close()

    section = PAGE.read_text("utf-8").partition("## Which tables")[2]
    section = section.partition("\n## ")[0]
    named = {
        row.group(1): set(re.findall(r"`([a-z0-9_]+)`", row.group(2)))
        for row in re.finditer(r"^\| `(\w+)` \|.*\| (.*) \|$", section, re.MULTILINE)
    }

    assert named == tables
