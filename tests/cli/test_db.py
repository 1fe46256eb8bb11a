"""`authz db`, as an operator types it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from authz.stores.sql.tables import SCHEMA, VERSION_TABLE
from tests.cli.commands import document, flask_run, run
from tests.web.apps import POLICY


@pytest.fixture(name="file")
def _file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTHZ_STORE", "sqlite:///a.db")
    return tmp_path / "a.db"


def tables(file: Path) -> set[str]:
    """Return the names of the tables in *file*."""
    with closing(sqlite3.connect(file)) as connection, connection:
        return {
            name for (name,) in connection.execute("SELECT name FROM sqlite_master")
        }


def test_before_the_first_start(file: Path):
    """There is nothing yet, and looking makes nothing."""
    result = run("db", "current")

    assert result.exit_code == 6
    assert result.output.startswith("sqlite:///a.db: nothing of authz is in it yet")
    assert "casbin_rule" not in tables(file)


def test_it_is_brought_to_the_newest(file: Path):
    """Once; the second time there is nothing to do."""
    first = document(run("db", "upgrade", "--json"), "db-upgrade")
    assert (first["before"], first["changed"]) == (None, True)
    assert "casbin_rule" in tables(file)

    second = run("db", "upgrade")
    assert second.exit_code == 0
    assert second.output.endswith("the newest, nothing to do\n")
    now = run("db", "current", "--json")
    assert now.exit_code == 0
    told = document(now, "db-current")
    assert told["schema_version"] == told["newest"] == first["schema_version"]
    assert told["newest"] == SCHEMA


@pytest.mark.parametrize("verb", ["current", "upgrade"])
def test_a_newer_versions_schema_is_left_alone(file: Path, verb: str):
    """3, and what to do."""
    run("db", "upgrade")
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")  # noqa: S608
    result = run("db", verb)

    assert result.exit_code == 3
    assert "changed by a newer version of authz" in result.stderr


@pytest.mark.parametrize("verb", ["current", "upgrade"])
def test_nobody_there_is_7(verb: str, monkeypatch: pytest.MonkeyPatch):
    """A database that is not reached is not one without a schema."""
    url = "postgresql://a:s3cret@127.0.0.1:1/x"
    monkeypatch.setenv("AUTHZ_STORE", url)
    result = run("db", verb)

    assert result.exit_code == 7
    assert "s3cret" not in result.output


def test_without_a_database_it_is_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """There is nothing to look at."""
    monkeypatch.chdir(tmp_path)

    assert run("db", "current").exit_code == 2


def test_of_an_app(app: Flask):
    """Its settings count."""
    assert flask_run(app, "db", "current").exit_code == 2


def test_after_a_restore(file: Path, monkeypatch: pytest.MonkeyPatch):
    """Sessions have ended; the tokens that hold are named, and revoked if asked for."""
    (file.parent / "policy.csv").write_text(POLICY + "g, user:root, role:admin\n")
    made = document(
        run("token", "create", "radio", "--role", "user", "--json"), "token-create"
    )
    assert made["secret"]
    told = document(run("db", "after-restore", "--json"), "db-after-restore")
    assert (told["sessions_ended"], told["noticed"], told["people_back"]) == (
        0,
        None,
        [],
    )
    assert [(t["name"], t["came_back"], t["revoked"]) for t in told["tokens"]] == [
        ("radio", False, False)
    ]
    result = run("db", "after-restore", "--revoke-tokens")

    assert result.exit_code == 0
    assert "holds: token radio (role:user), revoked now" in result.output
    assert "no running process noticed a restore" in result.output
    assert document(run("token", "list", "--json"), "token-list")["tokens"] == []
    monkeypatch.delenv("AUTHZ_STORE")
    assert run("db", "after-restore").exit_code == 2
