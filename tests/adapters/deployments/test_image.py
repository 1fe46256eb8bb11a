"""The image: pinned, not root, checked without curl, and started behind authz."""

import configparser
import json
import re
import shlex
import sys
from pathlib import Path

import pytest

from authz import healthcheck
from tests.adapters.deployments.places import ADAPTERS

FOLDER = ADAPTERS / "docker"
ROOT = ADAPTERS.parent


@pytest.fixture(name="steps", scope="module")
def _steps() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, with lines that go on joined."""
    text = (FOLDER / "Dockerfile").read_text("utf-8")
    text = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\\\n", " ", text)
    return [
        (word.upper(), rest.strip())
        for line in text.splitlines()
        if line.strip()
        for word, _, rest in [line.strip().partition(" ")]
    ]


def only(steps: list[tuple[str, str]], word: str) -> str:
    """Return what the only instruction *word* says."""
    (found,) = (rest for name, rest in steps if name == word)
    return found


def test_instructions_are_known(steps: list[tuple[str, str]]):
    """Each is one of Docker's."""
    known = "ARG FROM RUN COPY ENV USER VOLUME EXPOSE HEALTHCHECK ENTRYPOINT CMD"
    assert {name for name, _ in steps} <= set(known.split())


def test_the_base_is_pinned(steps: list[tuple[str, str]]):
    """By a tag with three numbers that the builder may replace."""
    assert only(steps, "FROM") == "ghcr.io/neptunehub/audiomuse-ai:${AUDIOMUSE_TAG}"
    assert re.fullmatch(r"AUDIOMUSE_TAG=\d+\.\d+\.\d+", only(steps, "ARG"))


def test_it_does_not_run_as_root(steps: list[tuple[str, str]]):
    """And nothing is done as another user after that."""
    names = [name for name, _ in steps]
    assert only(steps, "USER") == "1000:1000"
    assert "RUN" not in names[names.index("USER") :]
    assert "COPY" not in names[names.index("USER") :]


def test_it_is_checked_without_curl(steps: list[tuple[str, str]]):
    """By the module that comes with authz, at the address that it answers at."""
    check = only(steps, "HEALTHCHECK")
    command = json.loads(check.partition("CMD")[2])
    assert command == ["python3", "-m", "authz.healthcheck"]
    assert not re.search(r"\b(curl|wget)\b", check)
    assert healthcheck.default_url().endswith(":8000/authz/healthz")
    assert only(steps, "EXPOSE") == "8000"


def test_the_configuration_is_a_volume_that_is_filled_once(
    steps: list[tuple[str, str]],
):
    """`/config` belongs to the user; a policy file that is missing is written."""
    assert json.loads(only(steps, "VOLUME")) == ["/config", "/data"]
    installing = " ".join(rest for name, rest in steps if name == "RUN")
    assert "install -d -o 1000 -g 1000 -m 0750 /config /data" in installing
    (shell, flag, script) = json.loads(only(steps, "CMD"))
    assert (shell, flag) == ("sh", "-c")
    assert " && python3 -m authz_audiomuse.seed && exec " in script
    # What AudioMuse-AI writes is made where there is a volume.
    folders = re.findall(r"\$([A-Z_]+)", script)
    values = dict(re.findall(r"([A-Z_]+)=(\S+)", only(steps, "ENV")))
    assert {values[name] for name in folders} == {
        "/data/audio", "/data/backup", "/data/ivf", "/data/plugins"
    }  # fmt: skip


def test_what_is_copied_is_there_and_let_in(steps: list[tuple[str, str]]):
    """Each path is in this project, and not held back by .dockerignore."""
    let_in = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    for name, rest in steps:
        if name != "COPY":
            continue
        *sources, _target = rest.split()
        for source in sources:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in let_in, source


def test_no_secret_is_built_in(steps: list[tuple[str, str]]):
    """Neither as a build argument nor as a variable."""
    for name, rest in steps:
        if name in {"ARG", "ENV"}:
            assert not re.search(r"(PASSWORD|SECRET|TOKEN|KEY)=", rest)


class TestTheProcesses:
    """What the container runs."""

    @pytest.fixture(name="programs")
    @staticmethod
    def _programs() -> configparser.ConfigParser:
        parser = configparser.ConfigParser(
            interpolation=None, inline_comment_prefixes=(" ;",), comment_prefixes=(";",)
        )
        parser.read(FOLDER / "supervisord.conf", encoding="utf-8")
        return parser

    def test_the_entry_point_is_the_guarded_app(
        self, programs: configparser.ConfigParser
    ):
        """With the adapter's settings for gunicorn, in the folder of the app."""
        command = shlex.split(programs["program:flask"]["command"])
        assert command[:3] == ["python3", "-m", "gunicorn"]
        assert command[command.index("-c") + 1] == "python:authz_audiomuse.server"
        assert programs["program:flask"]["directory"] == "/app"

    def test_gunicorn_takes_the_command(
        self,
        programs: configparser.ConfigParser,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
    ):
        """Each option is one that it knows."""
        from gunicorn.app.wsgiapp import WSGIApplication

        command = shlex.split(programs["program:flask"]["command"])
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["gunicorn", *command[3:]])
        found = WSGIApplication("%(prog)s [OPTIONS] [APP_MODULE]")

        assert found.app_uri == "authz_audiomuse.wsgi:app"
        assert found.cfg.settings["threads"].get() == 8
        assert found.cfg.settings["workers"].get() == 1
        assert found.cfg.settings["limit_request_field_size"].get() >= 16384

    def test_each_program_is_there(self, programs: configparser.ConfigParser):
        """Nothing of AudioMuse-AI's image but Python itself is started by name."""
        assert [s for s in programs.sections() if s.startswith("program:")] == [
            "program:flask"
        ]

    def test_a_start_that_is_in_vain_is_not_tried_again(
        self, programs: configparser.ConfigParser
    ):
        """So the last line of the log stays the reason; anything else is."""
        flask = programs["program:flask"]
        assert (flask["autorestart"], flask["exitcodes"]) == ("unexpected", "4")
        assert programs["supervisord"]["loglevel"] == "warn"

    def test_nothing_is_written_outside_of_tmp(
        self, programs: configparser.ConfigParser
    ):
        """The root of the file system is read-only."""
        for section in programs.sections():
            for key, value in programs[section].items():
                if key in {"pidfile", "file"} or ("log" in key and key != "loglevel"):
                    assert value.startswith(("/tmp", "/dev/")) or value == "0"  # noqa: S108
