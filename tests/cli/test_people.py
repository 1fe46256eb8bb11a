"""`authz user`: people, from the shell of the host."""

import json
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from click.testing import Result

from authz.identity.break_glass import SHELL
from tests.cli.commands import document, run

PASSWORD = "four words are enough"


@pytest.fixture(name="store", autouse=True)
def _store(policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTHZ_STORE", f"sqlite:///{policy.with_name('a.db')}")
    monkeypatch.setenv("AUTHZ_POLICY_SEED", str(policy.rename("seed.csv")))
    monkeypatch.setenv("AUTHZ_AUDIT_FILE", str(Path("audit.jsonl").absolute()))
    monkeypatch.setenv("AUTHZ_ADMIN", "root")
    monkeypatch.setenv("AUTHZ_ADMIN_PASSWORD", PasswordHasher(1, 8, 1).hash("x"))


def user(*args: str, stdin: str | None = None) -> Result:
    """Type `authz user ...`."""
    return run("user", *args, stdin=stdin)


def person(id_: str) -> dict[str, Any]:
    """Return what is known of *id_*."""
    found = document(user("list", "--json"), "user-list")["people"]
    return next(each for each in found if each["id"] == id_)


def events() -> list[tuple[str, str]]:
    """Return what the audit log says was done, and to whom."""
    records = map(json.loads, Path("audit.jsonl").read_text().splitlines())
    return [(r["event"], r["about"]) for r in records if "about" in r]


def test_from_beginning_to_end():
    """Added with a role, changed, disabled, enabled, signed out, deleted."""
    result = user("add", "carol", "--role", "user", stdin=f"{PASSWORD}\n")
    assert result.exit_code == 0, result.output
    assert result.output == "added user:carol with role:user\n"
    for args in (
        ("edit", "carol", "--display-name", "Carol C."),
        ("disable", "carol"),
        ("enable", "carol"),
        ("sign-out", "carol"),
    ):
        assert user(*args).exit_code == 0
    found = person("carol")
    assert (found["display_name"], found["disabled"]) == ("Carol C.", False)
    assert found["roles"] == ["role:user"]
    said = user("delete", "carol").output.splitlines()
    assert said[0] == "deleted user:carol"
    assert said[1].startswith("  still there: g, user:carol, role:user (")
    assert "remove them" in said[2]

    assert [e for e in events() if e[1] == "user:carol"] == [
        ("person:added", "user:carol"),
        ("person:changed", "user:carol"),
        ("person:changed", "user:carol"),
        ("person:changed", "user:carol"),
        ("person:signed-out", "user:carol"),
        ("person:removed", "user:carol"),
    ]
    assert ("policy:changed", "policy") in events()


def test_who_did_it():
    """The name on the host stands in the audit log; the password does not."""
    user("add", "carol", stdin=f"{PASSWORD}\n")
    user("passwd", "carol", stdin="another four words\n")
    text = Path("audit.jsonl").read_text()
    (record, *_) = [json.loads(line) for line in text.splitlines() if "carol" in line]

    assert record["subject"].startswith(f"{SHELL}/")
    assert PASSWORD not in text
    assert "another" not in text
    assert "argon2" not in text


def test_passwords():
    """Set, taken away, and refused when they are weak; never shown."""
    assert user("add", "carol", "--no-password").exit_code == 0
    assert person("carol")["has_password"] is False
    assert user("passwd", "carol", stdin=f"{PASSWORD}\n").exit_code == 0
    assert person("carol")["has_password"] is True
    assert user("passwd", "carol", "--none").exit_code == 0
    assert person("carol")["has_password"] is False
    weak = user("passwd", "carol", stdin="short\n")
    assert weak.exit_code == 3
    assert "use 15 or more" in weak.stderr
    assert user("add", "dave", stdin="\n").exit_code == 2


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("passwd", "nobody"), 3, "there is nobody called `nobody`"),
        (("disable", "root"), 3, "setting"),
        (("delete", "root"), 3, "setting"),
        (("add", "a b"), 3, "use 1 to 64 letters"),
        (("add", "Root"), 3, "looks alike"),
        (("add", "carol", "--role", "x*"), 3, "names have no patterns"),
        (("edit", "root"), 2, "--display-name"),
    ],
)
def test_what_cannot_be_done(args: tuple[str, ...], code: int, said: str):
    """One line that says why; nothing has changed."""
    result = user(*args, stdin=f"{PASSWORD}\n")

    assert result.exit_code == code
    assert said in result.stderr
    assert [
        p["id"] for p in document(user("list", "--json"), "user-list")["people"]
    ] == ["root"]


def test_a_name_that_the_policy_knows():
    """What it says of the name already is theirs only if that is meant."""
    Path("more.csv").write_text(
        Path("seed.csv").read_text() + "g, user:eve, role:admin\n"
    )
    assert run("apply", "more.csv", "--note", "x").exit_code == 0
    refused = user("add", "eve", "--no-password")

    assert refused.exit_code == 3
    assert "--inherit" in refused.stderr or "meant" in refused.stderr
    assert user("add", "eve", "--no-password", "--inherit").exit_code == 0
    assert person("eve")["roles"] == ["role:admin", "role:user"]


def test_the_list():
    """Narrowed by a word, a source or a role; each line says what is odd."""
    user("add", "carol", "--role", "user", "--no-password")
    user("add", "dave", "--role", "admin", stdin=f"{PASSWORD}\n")
    user("disable", "dave")
    lines = user("list").output.splitlines()

    assert [line.split()[0] for line in lines] == [
        "user:carol",
        "user:dave",
        "user:root",
    ]
    assert lines[0].endswith("no password")
    assert lines[1].endswith("disabled")
    assert lines[2].endswith("named by a setting")
    assert user("list", "--search", "car").output.startswith("user:carol")
    assert (
        user("list", "--role", "admin").output.splitlines()[0].startswith("user:dave")
    )
    assert user("list", "--source", "sso").output == "nobody\n"


def test_the_last_administrator(monkeypatch: pytest.MonkeyPatch):
    """The shell, too, does not take the last one away by mistake."""
    Path("all.csv").write_text("p, role:admin, /*, *\np, role:user, /map, GET\n")
    assert run("apply", "all.csv", "--note", "x").exit_code == 0
    user("add", "dave", "--role", "admin", stdin=f"{PASSWORD}\n")
    monkeypatch.delenv("AUTHZ_ADMIN")
    monkeypatch.delenv("AUTHZ_ADMIN_PASSWORD")

    for args in (("disable", "dave"), ("delete", "dave"), ("passwd", "dave", "--none")):
        result = user(*args)
        assert result.exit_code == 3
        assert "nobody who can sign in could administer any more" in result.stderr
    assert person("dave")["disabled"] is False
    assert ("person:change-refused", "user:dave") in events()


def test_roles_where_git_has_the_policy(monkeypatch: pytest.MonkeyPatch):
    """The account is added, and the line to commit is said."""
    monkeypatch.setenv("AUTHZ_POLICY", str(Path("seed.csv").absolute()))
    monkeypatch.delenv("AUTHZ_POLICY_SEED")
    result = user("add", "carol", "--role", "user", "--no-password")

    assert result.exit_code == 3
    assert "`g, user:carol, role:user`" in result.stderr
    assert person("carol")["roles"] == []


def test_without_a_store(monkeypatch: pytest.MonkeyPatch):
    """Settings name everybody."""
    monkeypatch.delenv("AUTHZ_STORE")
    monkeypatch.delenv("AUTHZ_POLICY_SEED")
    Path("seed.csv").rename("policy.csv")
    result = user("add", "carol", "--no-password")

    assert result.exit_code == 3
    assert "AUTHZ_STORE" in result.stderr


@pytest.mark.parametrize("verb", ["disable", "enable", "passwd", "sign-out", "delete"])
def test_json(verb: str):
    """Each verb prints the person, with a schema."""
    added = user("add", "carol", "--json", stdin=f"{PASSWORD}\n")
    assert document(added, "user-add")["person"]["name"] == "user:carol"
    args = [verb, "carol", "--json"]
    printed = document(user(*args, stdin=f"{PASSWORD} too\n"), f"user-{verb}")

    assert printed["person"]["id"] == "carol"


def test_a_link_is_printed_alone_and_opens_nothing_for_others():
    """What stands behind the address of the app, and until when; not for settings'."""
    user("add", "carol", "--no-password")
    result = user("link", "carol", "--ttl", "2h", "--quiet")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("/authz/password#carol:authz_")
    assert result.output.count("\n") == 1

    told = document(user("link", "carol", "--json"), "user-link")
    assert told["person"] == "user:carol"
    assert told["path"] not in Path("audit.jsonl").read_text()
    assert user("link", "carol", "--ttl", "90h").exit_code == 3
    assert "settings name the account" in user("link", "root").output


def test_a_password_to_be_changed_is_told_as_one():
    """The list says that it has to be changed first."""
    user("add", "carol", "--change-first", stdin=f"{PASSWORD}\n")
    assert person("carol")["must_change"] is True
    assert "has to change the password" in user("list").output
    user("passwd", "carol", stdin=f"{PASSWORD}\n")
    assert person("carol")["must_change"] is False
