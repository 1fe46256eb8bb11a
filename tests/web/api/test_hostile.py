"""Whatever an administrator's program sends: it is refused, and nothing changes."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from authz.extension import get_authz
from tests.web.api.client import Api
from tests.web.api.hostile import Case, cases

CASES = tuple(cases())


def test_there_are_enough_and_each_once():
    """The list is not cut short by mistake."""
    assert len(CASES) >= 200
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.fixture(name="state")
def _state(app: Flask) -> Callable[[], str]:
    """Return a fingerprint of everything that could have changed."""
    # The first state of the file is noted in its history in the background.
    get_authz(app).runtime.following.do_chores()

    def state() -> str:
        path = Path(app.config["AUTHZ_POLICY"])
        digest = hashlib.sha256()
        for file in sorted(path.parent.rglob("*")):
            if file.is_file() and not file.name.endswith(".lock"):
                digest.update(file.name.encode() + file.read_bytes())
        runtime = get_authz(app).runtime
        digest.update(runtime.policy.revision.encode())
        return digest.hexdigest()

    return state


def test_hostile_requests(api: Api, state: Callable[[], str]):
    """Each is answered with 4xx, as the API's description says, and does nothing."""
    before = state()
    wrong = []
    for case in CASES:
        answer = send(api, case)
        if not 400 <= answer.status < 500 or state() != before:
            wrong.append((case.name, answer.status, answer.text))
            before = state()

    assert wrong == []


def send(api: Api, case: Case) -> Any:
    """Send one case."""
    match = {"good": api.etag, "stale": "stale"}.get(case.match, case.match)
    raw = case.body if isinstance(case.body, bytes) else None
    body = None if raw is not None else case.body
    return api(case.method, case.path, body, raw=raw, match=match)


@pytest.mark.parametrize(
    "kind",
    [
        "",
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonx",
        "application/json; charset=utf-16",
        "application/problem+json",
        "*/*",
    ],
)
def test_only_json_is_read(api: Api, state: Callable[[], str], kind: str):
    """A form on another site cannot send `application/json`."""
    before = state()

    answer = api(
        "POST",
        "/rules",
        {"subject": "role:user", "path": "/talk", "methods": ["GET"]},
        match="*",
        environ={"CONTENT_TYPE": kind},
    )

    assert answer.status == 415
    assert state() == before


def test_compressed_bodies_are_not_unpacked(api: Api):
    """No bomb is unpacked here."""
    answer = api(
        "POST", "/rules", raw=b"x", match="*", environ={"HTTP_CONTENT_ENCODING": "gzip"}
    )
    assert answer.status == 415


def test_a_body_of_unknown_length_is_bounded(api: Api, state: Callable[[], str]):
    """Chunks without an end are cut off at the limit."""
    before = state()
    raw = b'{"subject": "' + b"x" * 200_000

    answer = api(
        "POST",
        "/rules",
        raw=raw,
        match="*",
        environ={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )

    assert answer.status == 413
    assert state() == before


def test_an_answer_never_repeats_what_was_sent(api: Api):
    """A secret in the wrong field does not come back, nor into a log."""
    body = {"subject": "hunter2-secret", "path": "hunter2-secret", "methods": "hunter2"}

    answer = api("POST", "/rules", body, match="*")

    assert answer.status == 422
    assert "hunter2" not in answer.text
