"""What a change to a policy file takes: the file is large, and read by several."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from authz.policy import recent_rows
from authz.runtime import policies
from authz.stores.file import policy as policy_file
from authz.stores.file.history import CsvHistory
from tests.cli.commands import flask_run
from tests.web.api.client import Api
from tests.web.apps import (
    ALICE,
    CHEAP_ALICE,
    POLICY,
    Client,
    RecordingSink,
    guarded_app,
)
from tests.web.pages.walk import apply, draft_rule, hidden

_APPLY = "/authz/admin/changes/apply"
_RULE = {"subject": "role:user", "path": "/new/:id", "methods": ["GET"]}


@pytest.fixture(name="app")
def _app(tmp_path: Path) -> Iterator[Flask]:
    app = guarded_app(
        tmp_path / "policy.csv",
        POLICY,
        RecordingSink(),
        AUTHZ_ADMIN="alice",
        AUTHZ_ADMIN_PASSWORD=CHEAP_ALICE,
        AUTHZ_POLICY_WRITABLE="true",
        AUTHZ_POLL_SECONDS="3600",
    )
    yield app
    get_authz(app).runtime.close()


@pytest.fixture(name="alice")
def _alice(app: Flask) -> Client:
    alice = Client(app)
    alice.sign_in("alice", ALICE)
    draft_rule(alice, "role:user", "/first/:id")
    apply(alice, "the first change keeps the file that was there as well")
    return alice


@pytest.fixture(name="done")
def _done(monkeypatch: pytest.MonkeyPatch, alice: Client) -> Counter[str]:
    """Return how often files were read, lines parsed and policies built.

    For the change itself: what a process looks at beside it, it does whenever it can.
    """
    done: Counter[str] = Counter()
    here = threading.get_ident()

    def count(module: Any, name: str) -> None:
        real = getattr(module, name)

        def counted(*given: Any, **named: Any) -> Any:
            done[name] += threading.get_ident() == here
            return real(*given, **named)

        monkeypatch.setattr(module, name, counted)

    count(policy_file, "read_with_stat")
    count(recent_rows, "read_rows")
    count(recent_rows, "read_again")
    count(policies, "build_from_rows")
    return done


def test_a_draft_is_read_twice_and_parsed_and_built_once(
    alice: Client, done: Counter[str]
):
    """The file is read when it is locked, and to notice it; never besides.

    What is shown of a draft parses its new line and builds the policy that would be; to
    apply it parses and builds nothing more.
    """
    draft_rule(alice, "role:user", "/new/:id")
    form = hidden(alice(path="/authz/admin/changes").text, _APPLY)
    assert done["read_rows"] == 0
    assert done["read_again"] == 1
    assert done["build_from_rows"] == 1
    done.clear()
    applied = alice("POST", _APPLY, form=form | {"note": "a test"})

    assert applied.status == 303
    assert done == {"read_with_stat": 2}


def _by_rule(api: Api, etag: str) -> int:
    return api("POST", "/rules", _RULE, match=etag).status


def _by_changes(api: Api, etag: str) -> int:
    changes = {"changes": [{"do": "add", "rule": _RULE}], "why": "a test"}
    return api("POST", "/changes", changes, match=etag).status


@pytest.mark.parametrize("change", [_by_rule, _by_changes])
def test_a_call_reads_twice_and_parses_and_builds_once(
    alice: Client, done: Counter[str], change: Callable[[Api, str], int]
):
    """Whoever shows the state they have seen has it compared under the lock alone."""
    api = Api(alice)
    etag = api.etag
    done.clear()

    assert change(api, etag) in {200, 201}
    assert done == {"read_with_stat": 2, "read_again": 1, "build_from_rows": 1}


def test_a_command_parses_and_builds_once(
    app: Flask, tmp_path: Path, done: Counter[str]
):
    """It looks three times to make its draft and show it, and then changes in two."""
    wanted = tmp_path / "wanted.csv"
    text = (tmp_path / "policy.csv").read_text()
    wanted.write_text(text + "p, role:user, /new/:id, GET\n")

    result = flask_run(app, "apply", str(wanted), "--note", "a test")
    assert result.exit_code == 0, result.output
    assert done.pop("read_rows") == 1  # of what it was given
    assert done == {"read_with_stat": 3 + 2, "read_again": 1, "build_from_rows": 1}


def test_what_somebody_else_puts_there_at_once_is_what_serves(
    app: Flask, alice: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nobody believes what was written: the file is looked at again."""
    path = tmp_path / "policy.csv"
    theirs = path.read_text() + "p, role:user, /theirs, GET\n"
    keep = CsvHistory.keep

    def keep_then_replace(*given: Any) -> None:
        keep(*given)
        (tmp_path / "theirs").write_text(theirs)
        (tmp_path / "theirs").replace(path)

    api = Api(alice)
    etag = api.etag
    monkeypatch.setattr(CsvHistory, "keep", keep_then_replace)
    assert _by_rule(api, etag) == 201
    monkeypatch.undo()

    written = get_authz(app).runtime.policy.written
    assert written
    assert "/theirs" in {rule.path for rule in written.rules}
    assert "/new/:id" not in {rule.path for rule in written.rules}
    assert _by_changes(api, api.etag) == 200
    assert "/theirs" in path.read_text()
