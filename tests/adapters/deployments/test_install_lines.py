"""Every `pip install` of a document gives what it promises, with nothing besides.

The packages are built as wheels. For each line a folder is made of exactly what they
say they need, with the extras that the line names and no others, and in it an app is
started. The packages of others come from where the tests run: nothing is fetched.
"""

import re
import shlex
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.adapters.deployments.places import ADAPTERS

ROOT = ADAPTERS.parent
STAND_IN = ROOT / "tests" / "adapters" / "audiomuse" / "stand_in"
SOURCES = {"authz-casbin": ROOT, "authz-audiomuse": ADAPTERS / "audiomuse"}
#: What documents call the folder of each package.
FOLDERS = {
    ".": "authz-casbin",
    "./adapters/audiomuse": "authz-audiomuse",
    "/opt/authz": "authz-casbin",
    "/opt/authz/adapters/audiomuse": "authz-audiomuse",
}
_LINE = re.compile(r"pip install\s+((?:[^`\n&\\]|\\\n)+)")
_EXTRAS = re.compile(r"(?P<name>[^\[]+?)(?:\[(?P<extras>[\w,-]+)\])?")

ACCOUNT = {"AUTHZ_ADMIN": "anna", "AUTHZ_ADMIN_PASSWORD": "correct horse battery"}
STORE = {"AUTHZ_STORE": "sqlite:///authz.db"}
#: What is done with each package, and with each extra besides.
PLAIN = """
from flask import Flask
from authz import Authz
import authz.cli
Path("policy.csv").write_text("p, role:admin, /*, *\\n")
app = Flask("app")
app.config.update(settings)
Authz(app)
assert app.test_client().get("/authz/sign-in").status_code == 200
"""
HOSTED = """
import os
os.environ.update(settings)
from authz_audiomuse.wsgi import app
assert app.test_client().get("/authz/sign-in").status_code == 200
page = {"Accept": "text/html"}
assert app.test_client().get("/map", headers=page).status_code == 302
"""
BY_EXTRA = {
    "db": (STORE, ""),
    "postgres": (STORE, "import psycopg, authz.stores.sql.database"),
    "redis": ({}, "import redis, authz.stores.notifications"),
    "cookie-domain": ({}, "import publicsuffixlist"),
    "metrics": ({"AUTHZ_METRICS": "true"}, "import prometheus_client"),
    "demo": ({}, "import gunicorn"),
}


def install_lines() -> list[str]:
    """Return what each document has `pip install`, each once, without the options."""
    found = set()
    for path in _documents():
        for said in _LINE.findall(path.read_text("utf-8")):
            words = shlex.split(said.replace("\\\n", " "))
            found.add(" ".join(word for word in words if not word.startswith("-")))
    return sorted(found)


def _documents() -> Iterator[Path]:
    yield from ROOT.glob("*.md")
    for folder in ("docs", "adapters", "examples"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".md", ".yml", ".yaml"} or path.name == "Dockerfile":
                yield path


@pytest.fixture(name="wheels", scope="module")
def _wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The project's packages, built and unpacked, by name."""
    unpacked = {}
    for name, source in SOURCES.items():
        folder = tmp_path_factory.mktemp(name)
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d"]
        subprocess.run(
            [*build, str(folder)], cwd=source, check=True, capture_output=True
        )
        (wheel,) = folder.glob("*.whl")
        unpacked[name] = folder / "unpacked"
        zipfile.ZipFile(wheel).extractall(unpacked[name])
    return unpacked


def _needed(named: Requirement, wheels: dict[str, Path], into: Path) -> None:
    """Put what *named* needs into the folder *into*, and itself."""
    queue, done = [named], set()
    while queue:
        asked = queue.pop()
        name = canonicalize_name(asked.name)
        for extra in ("", *asked.extras):
            if (name, extra) in done:
                continue
            done.add((name, extra))
            for text in _requirements(name, wheels):
                needed = Requirement(text)
                if not needed.marker or needed.marker.evaluate({"extra": extra}):
                    queue.append(needed)
        for path in _top(name, wheels):
            link = into / path.name
            if not link.exists():
                link.symlink_to(path)


def _requirements(name: str, wheels: dict[str, Path]) -> list[str]:
    if name not in wheels:
        return distribution(name).requires or []
    (metadata,) = wheels[name].glob("*.dist-info/METADATA")
    return message_from_bytes(metadata.read_bytes()).get_all("Requires-Dist") or []


def _top(name: str, wheels: dict[str, Path]) -> set[Path]:
    """Return the files and folders that a package puts side by side."""
    if name in wheels:
        return set(wheels[name].iterdir())
    found: Distribution = distribution(name)
    base = Path(str(found.locate_file("")))
    tops = {file.parts[0] for file in found.files or () if file.parts[0] != ".."}
    return {base / top for top in tops if top != "__pycache__"}


@pytest.mark.slow
@pytest.mark.parametrize("line", install_lines())
def test_what_a_line_installs_starts(
    line: str, wheels: dict[str, Path], tmp_path: Path
):
    """With exactly the extras that it names, the app starts and asks to sign in."""
    site, folder = tmp_path / "site", tmp_path / "run"
    site.mkdir()
    folder.mkdir()
    settings, checks, hosted = dict(ACCOUNT), [], False
    for word in line.split():
        match = _EXTRAS.fullmatch(word)
        assert match is not None
        name = FOLDERS.get(match["name"], match["name"])
        extras = (match["extras"] or "").split(",") if match["extras"] else []
        assert name in SOURCES, f"`{word}` is none of this project's packages"
        spelled = f"{name}[{','.join(extras)}]"
        _needed(Requirement(spelled), wheels, site)
        for extra in extras:
            more, check = BY_EXTRA[extra]
            settings |= more
            checks.append(check)
        hosted = hosted or name == "authz-audiomuse"
    if hosted:
        settings |= STORE  # people are kept there, and so are their music accounts
    script = "\n".join(
        [
            "import sys, warnings",
            "from pathlib import Path",
            f"sys.path[:0] = [{str(site)!r}, {str(STAND_IN)!r}]",
            # Behind everything else: the stand-in speaks to music servers of tests.
            f"sys.path.append({str(ROOT)!r})",
            f"settings = {settings!r}",
            HOSTED if hosted else PLAIN,
            *checks,
        ]
    )

    # -S: not a package of the environment that the tests run in.
    started = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 0, started.stderr


def test_there_are_lines():
    """The documents are found, and so is the line of the guide."""
    assert ". ./adapters/audiomuse" in install_lines()
    assert len(install_lines()) > 4
