"""The lock files are the whole truth about what is installed."""

import os
import re
import socket
import subprocess
import sys
from functools import cache
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
LOCKS = [path for path in LOCKS if path.name != "system.txt"]
#: Every Python that the project supports; the newest is one that is not out yet.
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")
PLATFORMS = (("linux", "Linux", "posix"), ("darwin", "Darwin", "posix"))
OURS = {"authz-casbin", "authz-audiomuse"}


def environment(python: str, platform: tuple[str, str, str]) -> dict[str, str]:
    """Return the marker values of a *python* on a *platform*."""
    system, name, os_name = platform
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": name,
        "os_name": os_name,
        "extra": "",
    }


@cache
def locked(path: Path) -> list[Requirement]:
    """Return the requirements of the lock file at *path*."""
    text = re.sub(r"\s*\\\n\s*--hash=\S+", "", path.read_text(encoding="utf-8"))
    return [Requirement(line) for line in text.splitlines() if line.strip()]


def applies(requirement: Requirement, here: dict[str, str], extra: str = "") -> bool:
    """Return whether *requirement* is meant *here*, with *extra* asked for."""
    marker = requirement.marker
    return marker is None or marker.evaluate({**here, "extra": extra})


@cache
def installed() -> dict[str, list[Requirement]]:
    """Return what each package that is installed requires."""
    return {
        canonicalize_name(dist.metadata["Name"]): [
            *map(Requirement, dist.requires or ())
        ]
        for dist in distributions()
    }


@pytest.mark.parametrize("platform", PLATFORMS, ids=lambda p: p[0])
@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_is_closed(path: Path, python: str, platform: tuple[str, str, str]):
    """What a locked package needs, extras included, is locked in a version it takes.

    So nothing is resolved when it is installed, and no release of today can break what
    was installed yesterday. The packages themselves say what they need; those that are
    not installed on this Python cannot be asked.
    """
    here = environment(python, platform)
    lock = {canonicalize_name(r.name): r for r in locked(path) if applies(r, here)}
    todo = [
        (canonicalize_name(name), extra)
        for name, requirement in lock.items()
        for extra in ("", *requirement.extras)
    ]
    missing: list[str] = []
    done: set[tuple[str, str]] = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in done or name not in installed():
            continue
        done.add((name, extra))
        for requirement in installed()[name]:
            if not any(applies(requirement, here, asked) for asked in {"", extra}):
                continue
            other = canonicalize_name(requirement.name)
            found = lock.get(other)
            if found is None:
                missing.append(f"{name}[{extra}] needs {requirement}")
                continue
            (pin,) = found.specifier
            if not requirement.specifier.contains(pin.version, prereleases=True):
                missing.append(f"{name}[{extra}] does not take {found}")
            todo += [(other, more) for more in ("", *requirement.extras)]

    assert missing == []


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_each_line_of_a_lock_is_one_version_with_hashes(path: Path):
    """A name and `==`, and what its files must hash to."""
    text = path.read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.strip())

    assert len(entries) > 10
    for entry in entries:
        requirement = Requirement(entry.partition("\\\n")[0])
        assert [s.operator for s in requirement.specifier] == ["=="], entry
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


def test_no_install_step_resolves_anything():
    """Each step takes a lock with hashes, or a checkout, and nothing more."""
    places = [ROOT / "Makefile", ROOT / "requirements" / "install.sh"]
    text = "".join(path.read_text(encoding="utf-8") for path in places)
    commands = re.findall(r"pip\"? (?:--\S+ )*install[^\n]*", text)
    steps = [line for line in text.splitlines() if re.search(r" -[re] ", line)]

    assert len(commands) >= 3
    assert len(steps) >= 3
    for command in commands:
        assert "--no-deps" in command, command
    for step in steps:
        assert "--require-hashes" in step or "--no-build-isolation" in step, step


OLD = """#!/bin/sh
[ "$1" = --version ] && echo Python 3.9.2 && exit 0
exit 1
"""
WITHOUT_VENV = """#!/bin/sh
case "$2" in *version_info*) exit 0 ;; *) exit 1 ;; esac
"""


@pytest.mark.parametrize(
    ("python", "said"),
    [
        (None, "install Python 3.11 or newer"),
        (OLD, "Python 3.9.2 is too old: authz needs Python 3.11 or newer"),
        (WITHOUT_VENV, "apt install python3-venv"),
    ],
    ids=["none", "old", "without venv"],
)
def test_a_python_that_will_not_do(tmp_path: Path, python: str | None, said: str):
    """One sentence says what to do."""
    interpreter = tmp_path / "python"
    if python:
        interpreter.write_text(python)
        interpreter.chmod(0o755)
    done = subprocess.run(
        ["sh", "requirements/install.sh", str(tmp_path / "venv"), "dev.txt", "."],
        cwd=ROOT,
        env={**os.environ, "PYTHON": str(interpreter)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert said in done.stderr


def test_a_port_in_use(tmp_path: Path):
    """The demo says so, and how to choose another one."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        done = subprocess.run(
            ["sh", "examples/demo/run.sh", port],
            cwd=ROOT,
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert f"port {port} cannot be used" in done.stderr
    assert "make demo PORT=" in done.stderr
