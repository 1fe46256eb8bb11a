"""authz prove: promises in the shell, and command lines that show what breaks them."""

import shlex
from pathlib import Path

import pytest
from flask import Flask

from tests.cli.commands import document, flask_run, run

POLICY = """
p, role:user, /api/*, GET
p, role:admin, /*, *
p, role:everyone, /login, GET|POST
p, group:ex, /api/*, *, deny
g, user:bob, role:user
g, group:admins, role:admin
g, role:admin, role:user
"""
SCOPED = """
p, role:user, library:*, /api/*, GET
p, role:admin, *, /*, *
g, user:bob, role:user, library:kids
g, group:admins, role:admin, *
"""
MODEL = Path(__file__).parents[2] / "model-scoped.conf"


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """Return where a policy is written."""
    path = tmp_path / "a policy.csv"
    path.write_text(POLICY, encoding="utf-8")
    return str(path)


@pytest.fixture
def scoped(tmp_path: Path) -> list[str]:
    """Return the options for a policy with scopes."""
    path = tmp_path / "scoped.csv"
    path.write_text(SCOPED, encoding="utf-8")
    return ["--policy", str(path), "--model", str(MODEL)]


@pytest.mark.parametrize(
    "words",
    [
        ["never", "anyone", "POST /api/analysis/**", "--but", "role:admin"],
        ["never", "anonymous", "* /api/**"],
        ["always", "anonymous", "GET /login"],
        ["implies", "role:user", "role:admin"],
        ["equivalent", "role:user", "user:bob"],
        ["disjoint", "role:user", "anonymous"],
        ["separate", "role:user", "group:ex"],
        ["reachable", "2"],
    ],
)
def test_what_holds_is_proven(policy: str, words: list[str]):
    """Exit code 0, and the promise as it was typed."""
    result = run("prove", *words, "--policy", policy)

    assert result.output.splitlines()[0].startswith(f"proven  {words[0]} {words[1]}")
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("words", "allowed"),
    [
        (["never", "anyone", "* /api/**"], True),
        (["never", "anyone", "change /**", "--but", "role:admin"], True),
        (["always", "user:bob", "GET /api/**", "--any-groups"], False),
        (["implies", "role:admin", "role:user"], True),
        (["disjoint", "role:admin", "role:user"], True),
    ],
)
def test_what_breaks_a_promise_can_be_pasted(
    policy: str, words: list[str], allowed: bool
):
    """The very command line that is printed runs, and shows it."""
    result = run("prove", *words, "--policy", policy)

    assert result.exit_code == 4
    assert result.output.startswith("refuted  ")
    (command,) = [
        line.partition("see why:")[2]
        for line in result.output.splitlines()
        if "see why:" in line
    ]
    program, *args = shlex.split(command)
    assert program == "authz"
    shown = run(*args)
    assert shown.exit_code == (0 if allowed else 5)
    assert "a policy.csv:" in shown.output


def test_of_two_names_both_are_shown(policy: str):
    """One may, and the other may not: each has its command line."""
    result = run("prove", "implies", "role:admin", "role:user", "--policy", policy)

    *_, first, second = result.output.splitlines()
    codes = [
        run(*shlex.split(line.partition(":")[2])[1:]).exit_code
        for line in (first, second)
    ]
    assert codes == [0, 5]


def test_a_scope_is_part_of_what_is_shown(scoped: list[str]):
    """It is asked about with --scope."""
    result = run("prove", "never", "user:bob", "* /**", *scoped)
    assert "in library:kids" in result.output
    command = result.output.rpartition("see why:")[2]
    assert run(*shlex.split(command)[1:]).exit_code == 0
    elsewhere = ["never", "user:bob", "* /**", "--scope", "library:x"]
    result = run("prove", *elsewhere, *scoped)
    assert "did you mean `library:*`" in result.stderr


def test_the_document_says_the_same(policy: str):
    """Held to its schema, proven or not."""
    args = ("never", "anyone", "* /api/**", "--policy", policy, "--json")
    printed = document(run("prove", *args), "prove")
    assert printed["verdict"] == "refuted"
    assert printed["example"]["names"] == [
        "role:authenticated",
        "role:everyone",
        "role:user",
    ]
    args = ("separate", "role:user", "group:ex", "--any-groups")
    printed = document(run("prove", *args, "--policy", policy, "--json"), "prove")
    assert printed["example"]["command"] is None
    assert printed["example"]["who"].endswith("`group:admins` and `group:ex`")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["never", "role:usr", "* /**"], "did you mean `role:user`"),
        (
            ["never", "anyone", "* /**", "--but", "role:admn"],
            "did you mean `role:admin`",
        ),
        (["never", "anyone", "* /**", "--but", "bob"], "did you mean `user:bob`"),
        (["never", "anyone"], "takes 2 words"),
        (["implies", "anyone", "role:user"], "between two names"),
        (["never", "anyone", "/map"], "is not a request"),
        (["never", "anyone", "LOOK /map"], "unknown method"),
        (["reachable", "99"], "no rule on line `99`"),
        (["never", "anyone", "* /**", "--scope", "a:b"], "no scopes"),
    ],
)
def test_what_cannot_be_promised(policy: str, words: list[str], said: str):
    """It is no verdict: 2, and what is near."""
    result = run("prove", *words, "--policy", policy)

    assert result.exit_code == 2
    assert said in result.stderr


@pytest.mark.parametrize("seconds", ["0", "nan"])
def test_when_the_time_is_up(policy: str, seconds: str):
    """It is not proven, and that is no success."""
    words = ("never", "anyone", "DELETE /**", "--but", "role:admin")
    result = run("prove", *words, "--policy", policy, "--seconds", seconds)

    assert result.exit_code == 4
    assert result.output.startswith("not-proven  ")


def test_another_language(policy: str, tmp_path: Path):
    """Other Casbin models say that they cannot be proven anything of."""
    text = (MODEL.parent / "model.conf").read_text(encoding="utf-8")
    other = tmp_path / "other.conf"
    other.write_text(
        text.replace("pathMatch(r.obj, p.obj)", "keyMatch2(r.obj, p.obj)"),
        encoding="utf-8",
    )
    result = run(
        "prove", "never", "anyone", "* /x", "--policy", policy, "--model", str(other)
    )

    assert result.exit_code == 4
    assert "other Casbin models cannot be looked through" in result.output


def test_beside_an_app(app: Flask):
    """The policy in force is asked, whatever routes there are."""
    result = flask_run(app, "prove", "never", "anonymous", "DELETE /**")

    assert result.exit_code == 0, result.output


class TestDiff:
    def edit(self, tmp_path: Path, more: str) -> list[str]:
        """Return two policies: one, and one with *more* rules."""
        before, after = tmp_path / "before.csv", tmp_path / "after.csv"
        before.write_text(POLICY, encoding="utf-8")
        after.write_text(f"{POLICY}{more}\n", encoding="utf-8")
        return [str(before), str(after)]

    def test_an_edit_that_only_takes_away(self, tmp_path: Path):
        """Proven: 0; and the effect says so."""
        files = self.edit(tmp_path, "p, role:user, /api/users, *, deny")
        result = run("diff", *files, "--takes-away")

        assert result.exit_code == 0, result.output
        assert "proven  nobody gains anything" in result.output
        effect = run("diff", *files, "--effect").output
        assert "nobody gains anything: proven for every request there can be" in effect
        again = run("diff", files[0], files[0], "--effect").output
        assert "nothing changes for anybody: proven" in again

    def test_an_edit_that_gives(self, tmp_path: Path):
        """Refuted: 4; the command line that is printed shows it."""
        files = self.edit(tmp_path, "p, role:user, /api/users, POST")
        result = run("diff", *files, "--takes-away")

        assert result.exit_code == 4
        command = result.output.rpartition("see why:")[2]
        assert run(*shlex.split(command)[1:]).exit_code == 0
        args = ("diff", *files, "--takes-away", "--effect", "--json")
        printed = document(run(*args), "diff")
        assert printed["proof"]["verdict"] == "refuted"
        assert printed["effect"]["nobody_gains"] == "refuted"
        assert printed["effect"]["nobody_loses"] == "proven"

    def test_what_opens_where_no_route_is(self, tmp_path: Path):
        """The routes of today say nothing of it; the proof does."""
        files = self.edit(tmp_path, "p, role:user, /future, POST")
        routes = tmp_path / "routes.json"
        routes.write_text(
            '{"routes": [{"method": "GET", "route": "/api/x", "endpoint": "x"}]}',
            encoding="utf-8",
        )
        result = run("diff", *files, "--effect", "--routes", str(routes))

        assert "gains something: POST /future" in result.output
