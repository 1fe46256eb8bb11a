"""Whatever a policy denies: an app that takes it can be administered by somebody."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from authz.decision import Origin
from authz.extension import get_authz
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Remove
from authz.runtime import Runtime
from tests.cli.commands import flask_run
from tests.web.api.client import Api
from tests.web.apps import ALICE, POLICY, Client, RecordingSink
from tests.web.pages.walk import apply, draft_rule

_NAMES = [
    "auth:anonymous", "auth:local", "auth:headers", "role:everyone",
    "role:authenticated", "role:admin", "role:user", "user:alice", "user:bob",
]  # fmt: skip
_PATHS = [
    "/*", "/:a/*", "/authz/*", "/authz/:page", "/authz/sign-in", "/authz/admin/*",
    "/authz/admin/rules", "/authz/admin/changes/:what", "/authz/api/*",
    "/authz/api/v1/rules", "/authz/api/v1/changes", "/authz/static/*", "/map",
]  # fmt: skip
_PAGES = [
    ("GET", "/admin/rules"),
    ("GET", "/admin/rules/new"),
    ("POST", "/admin/rules/new"),
    ("POST", "/admin/changes/draft/remove"),
    ("GET", "/admin/changes"),
    ("POST", "/admin/changes/apply"),
]
_DENY = st.builds(
    "p, {}, {}, {}, deny".format,
    st.sampled_from(_NAMES),
    st.sampled_from(_PATHS),
    st.sampled_from(["*", "GET", "POST", "GET|POST", "DELETE"]),
)


def administers(app: Flask, sink: RecordingSink) -> bool:
    """Return whether alice really signs in, and sees and changes the rules."""
    alice = Client(app)
    if alice(path="/authz/sign-in").status != 200:
        return False
    if alice.sign_in("alice", ALICE).status != 303:
        return False

    def is_heard(method: str, path: str) -> bool:
        # What is sent says nothing, so nothing is changed: it is heard, or denied.
        before = sink.tags.count("decision:deny")
        alice(method, f"/authz{path}", form=None if method == "GET" else {"x": ""})
        return sink.tags.count("decision:deny") == before

    pages = [is_heard(*address) for address in _PAGES]
    api = [is_heard("GET", "/api/v1/rules"), is_heard("POST", "/api/v1/changes")]
    return all(pages) or all(api)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(denies=st.lists(_DENY, min_size=1, max_size=3))
def test_no_policy_closes_the_app_to_its_administrators(
    make_app: Callable[..., Flask],
    app: Flask,
    sink: RecordingSink,
    denies: list[str],
):
    """A policy is taken if, and only if, alice could administer with it."""
    policy = POLICY + "".join(f"{line}\n" for line in denies)
    file = Path(app.config["AUTHZ_POLICY"])
    runtime = get_authz(app).runtime
    file.write_text(POLICY)
    runtime.refresh()
    assert runtime.live.problem is None
    file.write_text(policy)
    runtime.refresh()

    assert administers(app, sink)
    if runtime.live.problem is not None:
        assert not administers(make_app(policy), sink)


_UNCHECKED: dict[str, Any] = {
    "author": "", "note": "", "check": lambda *_: None, "before_commit": lambda _: None,
}  # fmt: skip
#: Puts denies into the store of an app; what it says of them, for a message.
Entrance = Callable[[Flask, Client, list[str], Path], str]


def rows(denies: list[str]) -> list[Row]:
    """Return *denies* as rows."""
    split = (line.split(", ") for line in denies)
    return [Row(kind, tuple(fields), Origin("test")) for kind, *fields in split]


def rule(line: str) -> dict[str, Any]:
    """Return *line* as the API has it."""
    _, subject, path, methods, effect = line.split(", ")
    named = methods.split("|")
    return {"subject": subject, "path": path, "methods": named, "effect": effect}


def through_api(_: Flask, alice: Client, denies: list[str], __: Path) -> str:
    """All of them as one change."""
    api = Api(alice, headers={"ORIGIN": "http://app.test"})
    changes = [{"do": "add", "rule": rule(line)} for line in denies]
    return api(
        "POST", "/changes", {"changes": changes, "why": "x"}, match=api.etag
    ).text


def through_import(_: Flask, alice: Client, denies: list[str], __: Path) -> str:
    """As a policy of its own that is added to what is there."""
    api = Api(alice, headers={"ORIGIN": "http://app.test"})
    body = {"format": "csv", "content": "\n".join(denies), "mode": "merge", "why": "x"}
    return api("POST", "/import", body, match=api.etag).text


def through_pages(_: Flask, alice: Client, denies: list[str], __: Path) -> str:
    """One after the other into the draft, which is then applied if it may be."""
    fields = [(*line.split(", "),) for line in denies]
    one_each = [(w, p, m) for _, w, p, methods, _ in fields for m in methods.split("|")]
    for who, path, method in dict.fromkeys(one_each):
        shown = draft_rule(alice, who, path, methods=method, effect="deny")
    if "cannot be applied" not in shown.text:
        shown = apply(alice, "because")
    alice.cookies.pop("authz-draft", None)
    return shown.text


def through_apply(app: Flask, _: Client, denies: list[str], folder: Path) -> str:
    """`flask authz apply` of a file."""
    file = folder / "more.csv"
    file.write_text(POLICY + "".join(f"{line}\n" for line in denies))
    return flask_run(app, "apply", str(file), "--note", "x", "--wait", "0").output


def through_rollback(app: Flask, _: Client, denies: list[str], __: Path) -> str:
    """`flask authz rollback` to a revision that somebody made without a check."""
    by_hand(app, denies)
    number = get_authz(app).runtime.records.snapshot().number
    take_out(get_authz(app).runtime)
    args = ("rollback", str(number), "--note", "x", "--wait", "0")
    return flask_run(app, *args).output


def through_the_database(app: Flask, _: Client, denies: list[str], __: Path) -> str:
    """Another program changes the store and asks nobody."""
    by_hand(app, denies)
    return ""


def by_hand(app: Flask, denies: list[str]) -> None:
    """Write *denies* into the store of *app*; nothing is checked."""
    records = get_authz(app).runtime.records
    seen = records.snapshot().etag
    records.apply([Add(row=row) for row in rows(denies)], expected=seen, **_UNCHECKED)


def take_out(runtime: Runtime) -> None:
    """Take every deny out of the store, and put what is left in force."""
    now = runtime.records.snapshot()
    gone = [Remove(id=e.id) for e in now.entries if e.row.fields[-1] == "deny"]
    if gone:
        runtime.records.apply(gone, expected=now.etag, **_UNCHECKED)
    runtime.refresh()
    assert runtime.live.problem is None


def with_database(make_app: Callable[..., Flask], folder: Path) -> Flask:
    """Return an app with its rules in a database in *folder*, which it seldom reads."""
    (folder / "seed.csv").write_text(POLICY)
    return make_app(
        AUTHZ_POLICY="",
        AUTHZ_STORE=f"sqlite:///{folder / 'a.db'}",
        AUTHZ_POLICY_SEED=str(folder / "seed.csv"),
        AUTHZ_POLL_SECONDS="3600",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "entrance",
    [
        through_api, through_import, through_pages, through_apply, through_rollback,
        through_the_database,
    ],
)  # fmt: skip
def test_whatever_way_it_comes_in(
    make_app: Callable[..., Flask],
    tmp_path: Path,
    sink: RecordingSink,
    entrance: Entrance,
):
    """A change is taken if, and only if, alice could administer with it."""
    app = with_database(make_app, tmp_path)
    runtime = get_authz(app).runtime
    alice = Client(app)
    alice.sign_in("alice", ALICE)
    taken: list[bool] = []

    @settings(max_examples=8, deadline=None, derandomize=True)
    @given(denies=st.lists(_DENY, min_size=1, max_size=3, unique=True))
    def search(denies: list[str]) -> None:
        take_out(runtime)
        before = runtime.policy.revision
        said = entrance(app, alice, denies, tmp_path)
        runtime.refresh()
        taken.append(runtime.policy.revision != before)

        assert administers(app, sink), said
        # Nobody shuts themselves out, though others could go on.
        if not taken[-1] and "another administrator make" not in said:
            policy = POLICY + "".join(f"{line}\n" for line in denies)
            assert not administers(make_app(policy), sink), said

    search()
    assert True in taken
    assert False in taken


_INSERT = (
    "INSERT INTO casbin_rule (ptype, v0, v1, v2, v3) "
    "VALUES ('p', {!r}, {!r}, {!r}, {!r})"
)
#: Has authz read again what is there.
_LOOK = "UPDATE authz_head SET revision = revision + 1"
#: What somebody with a shell of the database may do to its rules.
_SQL = st.one_of(
    st.sampled_from(["authz_rule", "casbin_rule"]).map("DELETE FROM {}".format),
    st.builds(
        "UPDATE {} SET v3 = 'deny' WHERE v0 = '{}'".format,
        st.sampled_from(["authz_rule", "casbin_rule"]),
        st.sampled_from(["role:admin", "role:user"]),
    ),
    _DENY.map(lambda line: _INSERT.format(*line.split(", ")[1:])),
)


@pytest.mark.slow
def test_sql_by_hand_closes_and_opens_nothing(
    make_app: Callable[..., Flask], tmp_path: Path, sink: RecordingSink
):
    """Whatever is written past authz, what it kept stays in force."""
    app = with_database(make_app, tmp_path)
    runtime = get_authz(app).runtime
    before = runtime.policy.revision

    @settings(max_examples=4, deadline=None, derandomize=True)
    @given(statements=st.lists(_SQL, min_size=1, max_size=3))
    @example(["UPDATE authz_rule SET v3 = 'deny' WHERE v0 = 'role:user'"])
    def search(statements: list[str]) -> None:
        with (
            closing(sqlite3.connect(tmp_path / "a.db")) as by_hand,
            closing(sqlite3.connect(":memory:")) as kept,
        ):
            by_hand.backup(kept)
            for statement in (*statements, _LOOK):
                by_hand.execute(statement)
            by_hand.commit()
            runtime.refresh()

            assert runtime.policy.revision == before
            assert administers(app, sink), statements
            assert Client(app)(path="/admin").status == 302
            kept.backup(by_hand)

    search()
