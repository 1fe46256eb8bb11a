"""Scopes on the command line: asking about them, routes without, and to and fro."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from authz import Authz
from authz.extension import get_authz
from tests.cli.commands import document, flask_run, run

SCOPED = Path(__file__).parents[2] / "model-scoped.conf"
PLAIN = """\
# What holds.
# note: the map
p, role:user, /map, GET
# disabled: p, role:user, /chat, GET
p, role:user, /map/old, *, deny
g, user:bob, role:user
"""
NARROW = """\
p, role:user, library:*, /api/:library/tracks, GET
p, role:user, library:*, /api/search, GET
g, user:bob, role:user, library:kids
"""
#: Routes that a role in one library opens, and one that is everybody's.
WIDE = """\
p, role:user, *, /api/songs, GET
p, role:user, *, /api/counts, GET
p, role:everyone, *, /health, GET
"""


@pytest.fixture(name="folder")
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.csv").write_text(PLAIN)
    return tmp_path


@pytest.fixture(name="given")
def _given(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what sets the settings of an app with scopes and an administrator."""

    def given(**more: str) -> None:
        settings = {
            "POLICY": "narrow.csv",
            "MODEL": str(SCOPED),
            "ADMIN": "alice",
            "ADMIN_PASSWORD": "a password of alice's",
        }
        for name, value in (settings | more).items():
            monkeypatch.setenv(f"AUTHZ_{name}", value)

    return given


@pytest.mark.usefixtures("folder")
def test_there_and_back_changes_nothing(folder: Path):
    """Comments, notes and disabled lines stay; it is checked that answers do too."""
    there = run("scope", "add", "--into", "scoped", "--json")
    document(there, "scope-add")
    scoped = (folder / "scoped/policy.csv").read_text()

    assert scoped == PLAIN.replace("role:user, /", "role:user, *, /").replace(
        "bob, role:user", "bob, role:user, *"
    )
    assert (folder / "scoped/model.conf").read_text() == SCOPED.read_text()
    back = run("scope", "remove", "scoped/policy.csv", "--into", "back")
    assert back.exit_code == 0
    assert "+0 allowed, -0 denied" in back.output
    assert (folder / "back/policy.csv").read_text() == PLAIN


def test_rules_in_a_database_go_there_and_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    """Out by export, turned as a file, and put back once the model is the other one."""
    policy = PLAIN + "p, role:admin, /*, *\n"
    (folder / "policy.csv").write_text(policy)
    monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{folder}/rules.db")
    monkeypatch.setenv("AUTHZ_ADMIN", "alice")
    monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", "a password of alice's")
    put = ["import", "policy.csv", "--replace", "--note", "first"]
    assert run(*put).exit_code == 0

    def turned(verb: str, into: str) -> str:
        (folder / "out.csv").write_bytes(run("export").stdout_bytes)
        assert run("scope", verb, "out.csv", "--into", into).exit_code == 0
        monkeypatch.setenv("AUTHZ_MODEL", f"{into}/model.conf")
        put = ["import", f"{into}/policy.csv", "--replace", "--note", verb]
        result = run(*put)
        assert result.exit_code == 0, result.stderr
        return run("export").stdout

    assert "p, role:user, *, /map, GET" in turned("add", "scoped")
    about = ["check", "bob", "GET", "/map", "--scope", "library:kids"]
    assert run(*about).exit_code == 0
    assert "p, role:user, /map, GET" in turned("remove", "plain")
    assert run("check", "bob", "GET", "/map").exit_code == 0


def test_what_holds_in_one_scope_only_is_not_made_to_hold_in_all(folder: Path):
    """Nothing is written, and the line is named."""
    (folder / "narrow.csv").write_text(NARROW)
    result = run("scope", "remove", "narrow.csv", "--into", "back")

    assert result.exit_code == 3
    assert "narrow.csv:1: it holds in `library:*` only" in result.stderr
    assert not (folder / "back").exists()


@pytest.mark.usefixtures("folder")
def test_nothing_is_written_over():
    """A policy that is there may be the one in force."""
    assert run("scope", "add", "--into", ".").exit_code == 3


@pytest.mark.parametrize(
    ("about", "code"),
    [
        (["--scope", "library:kids"], 0),
        (["--scope", "library:other"], 5),
        (["--scope", "library:kids", "--scope", "library:other"], 5),
        ([], 0),
        (["--scope", "kids"], 2),
        (["--scope", "library:*"], 2),
    ],
)
def test_a_question_may_be_about_a_scope(folder: Path, about: list[str], code: int):
    """About one, several, or none in particular."""
    (folder / "narrow.csv").write_text(NARROW)
    words = ["bob", "GET", "/api/kids/tracks", "--policy", "narrow.csv"]
    result = run("explain", *words, "--model", str(SCOPED), *about)

    assert result.exit_code == code
    if code == 0:
        assert "user:bob -> role:user (narrow.csv:3)" in result.output


@pytest.mark.usefixtures("folder")
def test_a_policy_without_scopes_is_not_asked_about_one():
    """It would answer as if there were none."""
    words = ["role:user", "GET", "/map", "--scope", "library:kids"]

    assert run("check", *words).exit_code == 2


@pytest.fixture(name="app")
def _app(folder: Path) -> Iterator[Flask]:
    (folder / "narrow.csv").write_text(NARROW + WIDE)
    app = Flask("scoped")
    app.config.update(
        AUTHZ_POLICY="narrow.csv", AUTHZ_MODEL=str(SCOPED), AUTHZ_ADMIN_ENABLED="false"
    )

    @app.get("/api/<library>/tracks")
    @Authz.scoped("library", path="library")
    def tracks(library: str) -> str:
        return library

    app.add_url_rule("/api/search", "search", lambda: "")
    app.add_url_rule("/api/songs", "songs", lambda: "")
    app.add_url_rule(
        "/api/counts", "counts", Authz.scoped("library", narrowed=True)(lambda: "")
    )
    app.add_url_rule("/health", "health", lambda: "")
    Authz(app)
    yield app
    get_authz(app).runtime.close()


def test_a_route_that_is_open_in_some_scopes_and_declares_none_fails(app: Flask):
    """Whether it is the rule that is limited, or the grant of its role.

    The table says what requests are about, and where they do not say it.
    """
    result = flask_run(app, "routes")
    printed = document(flask_run(app, "routes", "--json"), "routes")

    assert result.exit_code == 4
    assert "library (path:library)" in result.output
    assert "GET /api/search: narrow.csv:2 holds in `library:*` only" in result.output
    assert "GET /api/songs: narrow.csv:3 gives `role:user` in `library:kids` only" in (
        result.output
    )
    assert "library (narrowed)" in result.output
    assert "GET /api/counts:" not in result.output
    assert "GET /health:" not in result.output
    assert printed["undeclared"] == 2
    assert printed["misfits"] == []
    assert [r["who"] for r in printed["routes"] if r["route"] == "/api/search"] == [
        ["role:user"]
    ]


def test_a_scope_declared_for_a_route_that_is_not_there_is_pointed_out(
    folder: Path, given: Callable[..., None], caplog: pytest.LogCaptureFixture
):
    """By the list of routes, by the doctor, and in the log once the app answers."""
    (folder / "narrow.csv").write_text("p, role:admin, *, /*, *\n")
    (folder / "scopes.csv").write_text(
        "scope, /api/:library/tracks, GET, library, path:library\n"
        "scope, /api/serach, GET, library, query:library\n"
        "scope, /api/:library/tracks, POST, library, path:library\n"
    )
    given(SCOPES_FILE="scopes.csv")
    app = Flask("misfits", static_folder=None)
    Authz(app)
    app.add_url_rule("/api/<library>/tracks", "tracks", lambda library: library)
    app.add_url_rule(
        "/api/search", "search", Authz.scoped("library", path="lib")(lambda: "")
    )
    try:
        routes = flask_run(app, "routes")
        printed = document(flask_run(app, "routes", "--json"), "routes")
        doctor = flask_run(app, "doctor")
        for _ in range(2):
            app.test_client().get("/api/kids/tracks")
    finally:
        get_authz(app).runtime.close()

    assert [each["where"] for each in printed["misfits"]] == [
        "scopes.csv:2", "scopes.csv:3", "the view search"
    ]  # fmt: skip
    assert (routes.exit_code, doctor.exit_code) == (4, 3)
    for each in printed["misfits"]:
        assert each["message"] in routes.output
        assert f"{each['where']}: {each['message']}" in doctor.output
        assert caplog.text.count(each["message"]) == 1
    assert "did you mean `/api/search`?" in routes.output
    assert "the app has GET there" in routes.output


def test_a_route_that_takes_any_path_is_declared_for_each(
    folder: Path, given: Callable[..., None]
):
    """A table that speaks of its short paths only leaves the long ones about none."""
    rules = "p, role:admin, *, /*, *\np, role:user, library:kids, /files/*, GET\n"
    (folder / "files.csv").write_text(rules)
    given(POLICY="files.csv", SCOPES_FILE="scopes.csv")
    ended = []
    for table in ("/files/:lib/:name", "/files/:lib", "/files/:lib/*"):
        lines = f"scope, {table}, GET, library, path:lib\n"
        if table.endswith("*"):
            lines += "scope, /files/:lib, GET, library, path:lib\n"
        (folder / "scopes.csv").write_text(lines)
        app = Flask("files", static_folder=None)
        app.add_url_rule("/files/<path:name>", "files", lambda name: name)
        Authz(app)
        ended.append(flask_run(app, "routes").exit_code)
        get_authz(app).runtime.close()

    assert ended == [4, 4, 0]


def test_who_and_what_may_be_asked_within_a_scope(folder: Path):
    """What holds in another scope does not count, and holders are those of this one."""
    (folder / "narrow.csv").write_text(NARROW)
    with_policy = ["--policy", "narrow.csv", "--model", str(SCOPED), "--json"]

    def who(scope: str) -> list[dict[str, object]]:
        words = ["who-can", "GET", "/api/search", *with_policy, "--scope", scope]
        return document(run(*words), "who-can")["who"]

    def what(scope: str) -> int:
        words = ["what-can", "bob", *with_policy, "--scope", scope]
        return len(document(run(*words), "what-can")["allowed"])

    assert who("library:kids") == [{"name": "role:user", "holders": ["user:bob"]}]
    assert who("library:old") == [{"name": "role:user", "holders": []}]
    assert who("host:h") == []
    assert (what("library:kids"), what("library:old")) == (2, 0)
    for verb in (["who-can", "GET", "/map"], ["what-can", "bob"]):
        assert run(*verb, *with_policy, "--scope", "library:*").exit_code == 2
        assert run(*verb, "--scope", "library:kids").exit_code == 2


def test_groups_that_settings_give_a_role_in_scopes_are_known(
    folder: Path, given: Callable[..., None]
):
    """Who holds a role, what a group may and why, whom a rule is for."""
    given(
        PROXY_PRESET="authelia",
        TRUSTED_PROXIES="127.0.0.1",
        SCOPED_GROUPS="music-{library} user",
    )
    (folder / "narrow.csv").write_text(
        NARROW.replace("g, user:bob, role:user, library:kids\n", "")
        + "p, role:admin, *, /*, *\n"
    )

    def who(*scope: str) -> object:
        words = ["who-can", "GET", "/api/search", "--json", *scope]
        found = document(run(*words), "who-can")["who"]
        return {each["name"]: each["holders"] for each in found}["role:user"]

    asked = ["explain", "dan", "GET", "/api/search", "--group", "music-kids"]
    assert who("--scope", "library:kids") == ["group:music-kids"]
    assert who() == ["group:music-{library}"]
    assert run(*asked, "--scope", "library:old").exit_code == 5
    told = run(*asked, "--scope", "library:kids")
    assert told.exit_code == 0
    assert "group:music-kids -> role:user (AUTHZ_SCOPED_GROUPS)" in told.output
    may = ["what-can", "dan", "--group", "music-kids", "--scope"]
    assert run(*may, "library:kids").exit_code == 0
    assert run(*may, "library:old").exit_code == 5
    assert "nobody holds" not in run("lint").output


def test_somebody_is_added_with_a_role_in_some_scopes(
    folder: Path, given: Callable[..., None]
):
    """Where it holds has to be said; nobody is added where that cannot be."""
    policy = folder / "narrow.csv"
    policy.write_text(NARROW + "p, role:admin, *, /*, *\n", encoding="utf-8")
    given(POLICY_WRITABLE="true", STORE=f"sqlite:///{folder}/people.db")

    def add(*args: str) -> Result:
        return run("user", "add", "dan", "--no-password", *args)

    assert add("--role", "user").exit_code == 2
    assert add("--scope", "library:kids").exit_code == 2
    assert add("--role", "user", "--scope", "kids").exit_code == 3
    assert "dan" not in run("user", "list").output
    kids = ["--scope", "library:kids", "--scope", "library:a b"]
    added = add("--role", "user", *kids)
    assert added.exit_code == 0
    assert [
        line for line in policy.read_text("utf-8").splitlines() if "dan" in line
    ] == [
        "g, user:dan, role:user, library:kids",
        "g, user:dan, role:user, library:a b",
    ]


def test_lint_knows_what_the_app_declares(folder: Path, given: Callable[..., None]):
    """A rule for one library at a route whose requests name none is warned of."""
    (folder / "narrow.csv").write_text(NARROW + "p, role:admin, *, /*, *\n")
    given()
    app = Flask("linted")
    authz = Authz(app, scope_names=lambda: {"library:old": "Old"})

    @app.get("/api/<library>/tracks")
    @authz.scoped("library", path="library")
    def tracks(library: str) -> str:
        return library

    @app.get("/api/search")
    def search() -> str:
        return ""

    try:
        printed = document(flask_run(app, "lint", "--json"), "lint")
    finally:
        get_authz(app).runtime.close()
    codes = {(f["code"], f["line"]) for f in printed["findings"]}
    assert ("scope-undeclared", 2) in codes
    assert ("scope-unknown", 3) in codes
    assert ("scope-undeclared", 1) not in codes
