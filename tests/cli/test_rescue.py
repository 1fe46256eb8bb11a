"""Whoever owns the machine gets back in, whatever is wrong with the rest.

The table in docs/how-to/when-nobody-can-sign-in.md is followed line by line.
"""

import re
import shlex
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import Result
from flask import Flask

from authz import Authz
from authz.errors import AuthzError, PolicyError, SettingsError
from authz.extension import get_authz
from tests.cli.commands import document, run
from tests.services import until
from tests.web.apps import Client

pytestmark = pytest.mark.slow

PASSWORD = "a password of twenty"
GOOD = """\
# who may do what at home
p, role:admin, /*, *
# note: the map
p, role:user, /map, GET
g, user:anna, role:admin
"""
HOME = GOOD.replace("user:anna", "user:alice")
#: A policy file of which nothing can be in force, and what is said of it.
BROKEN = {
    "an unknown method": ("p, role:user, /chat, GETT\n", "unknown method"),
    "half a line": ("p, role:us", "3 or 4 fields"),
    "a quote": ('p, "role:user, /map, GET\n', "policy.csv:"),
    "not text": (b"\xff\xfe\x00p", "UTF-8"),
    "nothing": ("", "no rule"),
}


class Row(NamedTuple):
    """A line of the table in the guide."""

    seen: str
    typed: str


ROWS = {
    wrong: Row(seen, typed)
    for wrong, seen, typed in re.findall(
        r"^\| (?!What is wrong|---)(.+?) \| (.*?) ?\| (.+?) \|$",
        (
            Path(__file__).parents[2] / "docs/how-to/when-nobody-can-sign-in.md"
        ).read_text(encoding="utf-8"),
        re.MULTILINE,
    )
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder of an app, and a shell that knows its store and nothing else."""
    monkeypatch.chdir(tmp_path)
    Path("policy.csv").write_text(GOOD)
    monkeypatch.setenv("AUTHZ_STORE", "sqlite:///authz.db")


@pytest.fixture(name="serve")
def _serve(request: pytest.FixtureRequest) -> Iterator[object]:
    """Start the app; its settings are its own."""
    started: list[Flask] = []

    def serve(**config: object) -> Flask:
        app = Flask("guarded")
        app.config.update({f"AUTHZ_{key}": value for key, value in config.items()})
        app.add_url_rule("/map", "map", lambda: "the map")
        Authz(app)
        started.append(app)
        return app

    yield serve
    for app in started:
        get_authz(app).runtime.close()


def edit(text: str | bytes) -> None:
    """Edit the policy file by hand."""
    data = text.encode() if isinstance(text, str) else text
    Path("policy.csv").write_bytes(data)


def password(*args: str) -> Result:
    """Type a command of `authz user`, and a password."""
    return run("user", *args, stdin=f"{PASSWORD}\n")


def works(result: Result) -> Result:
    """Hold *result* to be one that worked."""
    assert result.exit_code == 0, result.output
    return result


class TestPeopleNeedNoPolicy:
    """People, passwords, tokens and break-glass need the store and nothing else."""

    @pytest.fixture(autouse=True)
    def _began(self, serve) -> None:
        """An app that began well."""
        settings = {"POLICY": "policy.csv", "ADMIN": "root"}
        app = serve(**settings, ADMIN_PASSWORD=PASSWORD)
        get_authz(app).runtime.close()

    @pytest.mark.parametrize(
        ("how", "knows_the_file"),
        [*((how, True) for how in BROKEN), ("a quote", False)],
    )
    def test_all_of_it(
        self, how: str, knows_the_file: bool, monkeypatch: pytest.MonkeyPatch
    ):
        """From the first account to its end, with settings other than the app's."""
        edit(BROKEN[how][0])
        if knows_the_file:
            monkeypatch.setenv("AUTHZ_POLICY", "policy.csv")
        works(password("add", "zoe"))
        works(password("passwd", "zoe"))
        works(run("user", "disable", "zoe"))
        works(run("user", "enable", "zoe"))
        works(run("user", "sign-out", "zoe"))
        assert "user:zoe" in works(run("user", "list")).output
        works(run("user", "delete", "zoe"))
        works(run("token", "create", "backup", "--role", "user"))
        works(run("token", "list"))
        works(run("token", "revoke", "backup"))
        code = document(run("break-glass", "--user", "anna", "--json"), "break-glass")
        assert code["code"].startswith("authz_")
        works(run("history"))

    def test_a_wrong_setting_besides(self, monkeypatch: pytest.MonkeyPatch):
        """It is said, and stops nothing that does not need it."""
        edit(BROKEN["a quote"][0])
        monkeypatch.setenv("AUTHZ_JWT_ALGORITHMS", "none")
        monkeypatch.setenv("AUTHZ_NO_SUCH", "1")
        monkeypatch.setenv("AUTHZ_MODEL", "missing.conf")
        result = works(password("add", "zoe"))

        assert "AUTHZ_NO_SUCH" in result.stderr
        works(run("break-glass", "--user", "anna"))


class TestTheStoreItself:
    """What work on the store does need."""

    def test_a_wrong_address(self, monkeypatch: pytest.MonkeyPatch):
        """Nothing is done elsewhere instead."""
        monkeypatch.setenv("AUTHZ_STORE", "mysql://x")

        assert run("user", "list").exit_code == 3

    @pytest.mark.parametrize(
        "command",
        [("user", "list"), ("user", "passwd", "x"), ("history",), ("token", "list")],
    )
    def test_another_folder(
        self,
        command: tuple[str, ...],
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ):
        """No database comes to be where somebody only looks for one."""
        (tmp_path / "else").mkdir()
        monkeypatch.chdir(tmp_path / "else")
        result = run(*command, stdin=f"{PASSWORD}\n")

        assert result.exit_code == 3
        assert "there is no such database" in result.stderr
        assert list(Path().iterdir()) == []

    def test_an_account_of_a_setting_stays_signed_in(self, serve):
        """A shell that has another password for it does not end its sessions."""
        app = serve(POLICY="policy.csv", ADMIN="root", ADMIN_PASSWORD=PASSWORD)
        client = Client(app)
        client.sign_in("root", PASSWORD)
        with pytest.MonkeyPatch.context() as other:
            other.setenv("AUTHZ_ADMIN", "root")
            other.setenv("AUTHZ_ADMIN_PASSWORD", "another password than that")
            works(run("user", "list"))
        get_authz(app).runtime.refresh()

        assert client(path="/map").status == 200


class TestGoingBack:
    """A file goes back to what it was, to the byte, however it is broken."""

    @pytest.fixture(name="app", autouse=True)
    def _app(self, serve) -> Flask:
        """An app that may write its file, and has written it once."""
        app = serve(POLICY="policy.csv", POLICY_WRITABLE="true")
        get_authz(app).runtime.poller.close()
        with pytest.MonkeyPatch.context() as its:
            its.setenv("AUTHZ_POLICY", "policy.csv")
            its.setenv("AUTHZ_POLICY_WRITABLE", "true")
            Path("next.csv").write_text(GOOD + "p, role:user, /radio, GET\n")
            works(run("apply", "next.csv", "--note", "radio", "--wait", "0"))
        return app

    @pytest.fixture(autouse=True)
    def _shell(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A shell that knows where the file is, and not that it may be written."""
        monkeypatch.setenv("AUTHZ_POLICY", "policy.csv")

    @pytest.mark.parametrize("how", BROKEN)
    def test_from_anything(self, how: str, app: Flask):
        """The app takes it, and says that all is well again."""
        edit(BROKEN[how][0])
        get_authz(app).runtime.refresh()
        assert get_authz(app).runtime.live.problem
        works(run("rollback", "1", "--note", "it was good"))

        assert Path("policy.csv").read_text() == GOOD
        get_authz(app).runtime.refresh()
        assert get_authz(app).runtime.live.problem is None

    def test_from_nothing(self, app: Flask):
        """Also where there is no file any more."""
        Path("policy.csv").unlink()
        works(run("rollback", "1", "--note", "it was good"))

        assert Path("policy.csv").read_text() == GOOD
        assert [
            r["number"]
            for r in document(run("history", "--json"), "history")["revisions"]
        ] == [3, 2, 1]

    def test_a_line_in_the_middle(self):
        """It comes back to where it stood, with its comment."""
        edit(GOOD.replace("# note: the map\np, role:user, /map, GET\n", ""))
        works(run("rollback", "1", "--note", "the map again"))

        assert Path("policy.csv").read_text() == GOOD

    def test_what_is_not_there(self):
        """A revision that was never made changes nothing."""
        before = Path("policy.csv").read_bytes()

        result = run("rollback", "41", "--note", "x")
        assert result.exit_code == 3
        assert "revision 41 was never made" in result.output
        assert "the newest is " in result.output
        assert "`authz history` lists them" in result.output
        assert Path("policy.csv").read_bytes() == before


class TestEditsByHand:
    """What is edited in the file is a revision as soon as it is in force."""

    def test_it_says_what_changed(self, serve):
        """And that nobody knows who did it."""
        app = serve(POLICY="policy.csv", POLICY_WRITABLE="true", POLL_SECONDS="0.1")
        runtime = get_authz(app).runtime
        radio = GOOD + "p, role:user, /radio, GET\n"
        for number, text in enumerate((GOOD, radio, "# a remark\n" + radio), start=1):
            edit(text)
            until(lambda: len(runtime.records.history(limit=9)) == number)  # noqa: B023
        edit("p, nonsense\n")
        until(lambda: runtime.live.problem)

        with app.app_context():
            found = get_authz(app).context.records.history(limit=9)
        assert [(r.number, r.author, r.note, r.added) for r in found] == [
            (3, "", "edited in the file", ()),
            (2, "", "edited in the file", ("p, role:user, /radio, GET",)),
            (1, "", "the file as it was found", ()),
        ]


class TestBrokenAtStart:
    """An app whose file is broken at its start serves the last good revision."""

    @pytest.mark.parametrize("how", [*BROKEN, "gone"])
    def test_the_last_good_one_serves(
        self, how: str, serve, caplog: pytest.LogCaptureFixture
    ):
        """And it says so."""
        config = {"POLICY": "policy.csv", "POLICY_WRITABLE": "true"}
        first = serve(**config)
        get_authz(first).runtime.poller.close()
        get_authz(first).runtime.following.refresh()
        get_authz(first).runtime.following.do_chores()
        get_authz(first).runtime.close()
        if how == "gone":
            Path("policy.csv").unlink()
        else:
            edit(BROKEN[how][0])
        app = serve(**config)

        runtime = get_authz(app).runtime
        assert runtime.live.problem
        assert runtime.live.instead == "revision 1"
        assert len(runtime.policy.source.rules) == 2
        assert "revision 1 serves instead" in caplog.text
        edit(GOOD)
        runtime.refresh()
        assert runtime.live.problem is None

    def test_the_file_before_it(self, serve):
        """Where only `.prev` is left."""
        Path("policy.csv.prev").write_text(GOOD)
        edit("p, role:user, /chat, GETT\n")
        runtime = get_authz(serve(POLICY="policy.csv")).runtime

        assert runtime.live.instead == "policy.csv.prev"
        assert len(runtime.policy.source.rules) == 2

    @pytest.mark.parametrize("how", BROKEN)
    def test_nothing_good(self, how: str, serve, caplog: pytest.LogCaptureFixture):
        """It does not start, and the last it says is why."""
        text, said = BROKEN[how]
        edit(text)
        with pytest.raises(PolicyError) as raised:
            serve(POLICY="policy.csv")

        assert said in str(raised.value).splitlines()[-1]
        assert said in caplog.messages[-1]
        assert "cannot start" in caplog.messages[-1]

    def test_a_wrong_setting(self, serve, caplog: pytest.LogCaptureFixture):
        """Likewise."""
        with pytest.raises(SettingsError):
            serve(POLICY="policy.csv", LANDIN="/map")

        assert "did you mean `AUTHZ_LANDING`?" in caplog.messages[-1]


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """Brings about what the guide says may be wrong, and returns what one sees then."""

    app: Flask
    serve: Callable[..., Flask]
    caplog: pytest.LogCaptureFixture
    patch: pytest.MonkeyPatch

    def lost(self) -> str:
        """A password is not known any more."""
        return Client(self.app).sign_in("alice", "forgotten since long").text

    def locked_out(self) -> str:
        """Administrators are in a group that nobody is in."""
        edit(HOME.replace("user:alice", "group:gone"))
        get_authz(self.app).runtime.refresh()
        client = Client(self.app)
        client.sign_in("alice", PASSWORD)
        return f"{client(path='/authz/admin/').status} on the admin pages"

    def mistake(self) -> str:
        """The file cannot be used."""
        edit("p, role:admin, /*, GETT\n")
        get_authz(self.app).runtime.refresh()
        return self.caplog.text

    def restarted(self) -> str:
        """It cannot, and the app has just begun."""
        get_authz(self.app).runtime.close()
        edit("p, role:admin, /*, GETT\n")
        self.serve(POLICY="policy.csv", POLICY_WRITABLE="true")
        return self.caplog.text

    def gone(self) -> str:
        """There is no file."""
        Path("policy.csv").unlink()
        get_authz(self.app).runtime.refresh()
        return str(get_authz(self.app).runtime.live.problem)

    def elsewhere(self) -> str:
        """The shell is in another folder."""
        Path("new").mkdir()
        self.patch.chdir("new")
        return run("user", "list").output

    def not_started(self, **settings: str) -> str:
        """An app that has just been set up does not start."""
        self.elsewhere()
        edit("p, role:admin, /*, GETT\n")
        with pytest.raises(AuthzError):
            self.serve(POLICY="policy.csv", **settings)
        return self.caplog.messages[-1]

    def wrong_setting(self) -> str:
        """Likewise."""
        return self.not_started(LANDIN="/map")

    def nothing(self) -> str:
        """All is well so far."""
        signs_in("bob", 303, self.app)
        return ""

    def held(self) -> str:
        """Another program writes to the database; nothing is promised meanwhile."""
        held = sqlite3.connect("authz.db", isolation_level=None)
        held.execute("BEGIN EXCLUSIVE")
        result = run("break-glass", "--user", "anna")
        held.close()
        assert result.exit_code == 7
        assert "may administer" not in result.output
        return result.output

    def of_another(self) -> str:
        """It cannot be opened; whoever runs tests may be able to open any file."""
        self.elsewhere()
        Path("authz.db").mkdir()
        return run("user", "list").output

    def damaged(self) -> str:
        """It is none."""
        self.elsewhere()
        Path("authz.db").write_bytes(b"no database " * 400)
        result = run("break-glass", "--user", "anna")
        assert result.exit_code == 3
        assert "may administer" not in result.output
        return result.output


#: What brings about each row of the guide.
TROUBLES = {
    "A password is lost": Trouble.lost,
    "The identity provider is down": Trouble.nothing,
    "A rule locks everybody out": Trouble.locked_out,
    "The policy file has a mistake": Trouble.mistake,
    "The same, and the app has been restarted": Trouble.restarted,
    "The policy file is gone": Trouble.gone,
    "The app does not start because of its policy": Trouble.not_started,
    "The app does not start because of a setting": Trouble.wrong_setting,
    "Somebody must be kept out at once": Trouble.nothing,
    "A token is in the wrong hands": Trouble.nothing,
    "A command says `database is locked`": Trouble.held,
    "A command says `readonly database`, `unable to open` or `Permission denied`": (
        Trouble.of_another
    ),
    "A command says `file is not a database` or `malformed`": Trouble.damaged,
    "A command says `there is no such database`": Trouble.elsewhere,
}


class TestTheGuide:
    """One sees what the guide says one sees, and what it says to type helps."""

    @pytest.fixture(name="trouble")
    def _trouble(
        self, serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> Trouble:
        """An app with people, a token and four revisions, behind a proxy."""
        edit(HOME)
        works(password("add", "alice", "--inherit"))
        works(password("add", "bob"))
        works(run("token", "create", "NAME", "--role", "user"))
        app = serve(
            POLICY="policy.csv",
            POLICY_WRITABLE="true",
            POLL_SECONDS="0.1",
            PROXY_PRESET="authelia",
            TRUSTED_PROXIES="127.0.0.1",
        )
        records = get_authz(app).runtime.records
        for number in range(4):
            edit(HOME + f"# edited {number} times\n")
            until(lambda: len(records.history(limit=9)) > number)  # noqa: B023
        monkeypatch.setenv("AUTHZ_POLICY", "policy.csv")
        return Trouble(app=app, serve=serve, caplog=caplog, patch=monkeypatch)

    def test_every_row_is_followed(self):
        """None is missing here."""
        assert list(TROUBLES) == list(ROWS)

    @pytest.mark.parametrize("wrong", ROWS)
    def test_each_row(self, wrong: str, trouble: Trouble):
        """What is quoted is seen, and each command works."""
        seen = TROUBLES[wrong](trouble)
        quoted = re.findall(r"`([^`]+)`|\"([^\"]+)\"", ROWS[wrong].seen)
        says = re.findall(r"`([^`]+)`", wrong)

        for text in map("".join, quoted):
            assert re.search(like(text), seen), (text, seen)
        assert not says or any(text in seen for text in says), seen
        for command in re.findall(r"`authz ([^`]+)`", ROWS[wrong].typed):
            works(run(*shlex.split(command), stdin=f"{PASSWORD}\n"))
        get_authz(trouble.app).runtime.refresh()
        AFTER.get(wrong, lambda _: None)(trouble.app)


def like(text: str) -> str:
    """Return what is as *text*, whichever line or revision it names."""
    return re.sub(r"\d+", r"\\d+", re.escape(text)).replace(r"\.\.\.", ".*")


def signs_in(name: str, status: int, app: Flask) -> None:
    """Hold that *name* can sign in, or cannot."""
    assert Client(app).sign_in(name, PASSWORD).status == status


def is_well(app: Flask) -> None:
    """Hold that the policy is that of the fourth revision."""
    assert get_authz(app).runtime.live.problem is None
    assert Path("policy.csv").read_text() == HOME + "# edited 3 times\n"


#: What holds when a row has been followed.
AFTER: dict[str, Callable[[Flask], object]] = {
    "A password is lost": partial(signs_in, "alice", 303),
    "The identity provider is down": partial(signs_in, "rescue", 303),
    "A rule locks everybody out": is_well,
    "The policy file has a mistake": is_well,
    "The policy file is gone": is_well,
    "Somebody must be kept out at once": partial(signs_in, "bob", 401),
}


class TestInStep:
    """Whether the app has taken a change is a matter of the store's state."""

    def test_settings_do_not_count(self, serve, monkeypatch: pytest.MonkeyPatch):
        """An app with accounts of its own is in step with a shell that has none."""
        app = serve(
            POLICY="policy.csv",
            POLICY_WRITABLE="true",
            POLL_SECONDS="0.1",
            ADMIN="root",
            ADMIN_PASSWORD=PASSWORD,
        )
        monkeypatch.setenv("AUTHZ_POLICY", "policy.csv")
        monkeypatch.setenv("AUTHZ_POLICY_WRITABLE", "true")
        Path("next.csv").write_text(GOOD + "p, role:user, /radio, GET\n")
        said = works(run("apply", "next.csv", "--note", "radio")).output

        assert get_authz(app).runtime.live.problem is None
        assert re.search(r"1 replica in step after", said)


class TestBreakGlassWhateverThePolicySays:
    """The shell's code opens the admin area, also where no rule does."""

    @pytest.mark.parametrize(
        "locked",
        ["p, role:admin, /map, GET\ng, user:anna, role:admin\n", "p, nonsense\n"],
    )
    def test_it_opens(self, locked: str, serve):
        """From a shell that knows the store alone, to where rules are mended."""
        app = serve(POLICY="policy.csv", POLICY_WRITABLE="true", POLL_SECONDS="0.1")
        until(lambda: get_authz(app).runtime.records.history(limit=1))
        edit(locked)
        get_authz(app).runtime.refresh()
        opened = document(run("break-glass", "--user", "anna", "--json"), "break-glass")
        get_authz(app).runtime.refresh()
        client = Client(app)
        came = client("POST", opened["path"], form={"code": opened["code"]})

        assert came.status == 303
        for page in ("/authz/admin/", "/authz/admin/changes", "/authz/admin/changes/1"):
            assert client(path=page).status == 200, page
