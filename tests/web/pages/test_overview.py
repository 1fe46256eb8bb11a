"""The overview: which processes serve the app, and with which policy."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import insert

from authz.extension import get_authz
from authz.stores.replicas import this_process
from authz.stores.sql.tables import authz_replica
from authz.stores.sync import served
from tests.web.apps import POLICY, Client, browser_of

OVERVIEW = "/authz/admin/"


@pytest.fixture(name="app")
def _app(make_app: Callable[..., Flask]) -> Flask:
    app = make_app(POLICY, AUTHZ_STORE="sqlite:///{folder}/authz.db")
    runtime = get_authz(app).runtime
    assert runtime.stores.database is not None
    mine = served(runtime.live)
    runtime.stores.database.replicas.report(mine)
    return app


def row(text: str, name: str) -> str:
    """Return the row of the process *name*."""
    return text.partition(f"<bdi>{name}</bdi>")[2].partition("</tr>")[0]


def test_this_process_is_in_step(alice: Client):
    """And is marked as the one that answers."""
    mine = row(alice(path=OVERVIEW).text, this_process())
    assert "answers you" in mine
    assert "in step" in mine


@pytest.mark.parametrize(
    ("revision", "problem", "seconds", "said"),
    [
        ("", "", 1, "in step"),
        ("000000000000", "", 1, "another policy"),
        ("", "policy.csv:1: wrong", 1, "last good policy"),
        ("", "", 90, "silent"),
    ],
)
def test_another_process(  # noqa: PLR0913, PLR0917 - what it says
    app: Flask, alice: Client, revision: str, problem: str, seconds: int, said: str
):
    """What it serves is compared with what is served here; its name is only a name."""
    runtime = get_authz(app).runtime
    assert runtime.stores.database is not None
    now = datetime.now(UTC)
    with runtime.stores.database.database.write() as connection:
        connection.execute(
            insert(authz_replica).values(
                name="<b>other:1",
                revision=0,
                policy=revision or served(runtime.live).revision,
                problem=problem,
                started=now,
                seen=now - timedelta(seconds=seconds),
            )
        )
    assert said in row(alice(path=OVERVIEW).text, "&lt;b&gt;other:1")


def test_without_a_database_there_is_no_table(make_app: Callable[..., Flask]):
    """There is nobody to compare with."""
    alice = browser_of(make_app(), "alice")
    assert "Who serves this app" not in alice(path=OVERVIEW).text


def test_each_part_has_its_own_age(alice: Client):
    """What cannot be read says so, and since when; the others go on."""
    page = alice(path=OVERVIEW).text.partition("What this process has read")[2]
    parts = [p.partition("</th>")[0] for p in page.split('<th scope="row">')[1:]]

    assert {"people", "policy", "sessions", "tokens"} <= set(parts)
    assert page.count("follows the store") == len(parts)


def test_a_file_that_is_lost_is_on_the_page(make_app: Callable[..., Flask]):
    """With its reason; without a problem a file has nothing to tell."""
    app = make_app()
    alice = browser_of(app, "alice")
    before = alice(path=OVERVIEW).text
    Path(app.config["AUTHZ_POLICY"]).unlink()
    get_authz(app).runtime.refresh()
    after = alice(path=OVERVIEW).text

    assert "What this process has read" not in before
    lost = after.partition('<th scope="row">policy</th>')[2].partition("</tr>")[0]
    assert "serves the last good state" in lost
    assert app.config["AUTHZ_POLICY"] in lost
