"""Every `pip install` of a document gives what it promises, with nothing besides.

An environment is made of exactly what a line asks for, and in that an app is started;
pip itself runs one line as it stands, and comes to the same. The packages are built
from this checkout; nothing is fetched.
"""

import os
import re
import shlex
import shutil
import subprocess
import tomllib
import venv
from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

import pytest

from tests.packages.building import ROOT, SOURCES, closure, link, put_together

STAND_IN = ROOT / "tests" / "adapters" / "audiomuse" / "stand_in"
PIP = Path(distribution("pip").locate_file("pip"))
DOCKERFILE = ROOT / "adapters" / "docker" / "Dockerfile"
#: Where the image is built from; `.dockerignore` and COPY say what arrives there.
IMAGE = "/opt/authz"
#: What the image runs.
IN_AN_IMAGE = f"{IMAGE} {IMAGE}/adapters/audiomuse[postgres]"
#: For the extras that no document names alone.
BESIDES = ["authz-casbin[all,demo]"]
_LINE = re.compile(r"pip install\s+((?:[^`\n&\\]|\\\n)+)")
_HINT = re.compile(r"pip install \"(authz-casbin\[[\w,-]+\])\"")

ACCOUNT = {"AUTHZ_ADMIN": "anna", "AUTHZ_ADMIN_PASSWORD": "correct horse battery"}
STORE = {"AUTHZ_STORE": "sqlite:///authz.db"}
#: Where the packages say that something is, it is; and so are the commands.
ENTRY_POINTS = """
from importlib.metadata import distributions, entry_points
from importlib.util import find_spec
packages = [dist for dist in distributions() if dist.name.startswith("authz-")]
ours = [point for dist in packages for point in dist.entry_points]
assert len(ours) >= 3
missing = [point for point in ours if find_spec(point.module) is None]
assert not missing, missing
(command,) = entry_points(group="console_scripts", name="authz")
for words in (["--help"], ["init"]):
    sys.argv = ["authz", *words]
    try:
        ended = command.load()()
    except SystemExit as end:
        ended = end.code
    assert not ended, (words, ended)
"""
#: What is done with each package, and with each extra besides.
PLAIN = """
from flask import Flask
from authz import Authz
app = Flask("app")
app.config.update(settings)
Authz(app)
assert app.test_client().get("/authz/sign-in").status_code == 200
assert app.test_client().get("/").status_code == 401
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
    "serve": ({}, "import gunicorn, authz.serve"),
    "all": (STORE, "import psycopg, redis, publicsuffixlist, prometheus_client"),
}


def install_lines() -> list[str]:
    """Return what each document has `pip install`, each once, without the options."""
    found = set(BESIDES)
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


def extras_of(word: str) -> tuple[str, list[str]]:
    """Return a package or folder, and the extras that stand behind it."""
    name, _, extras = word.removesuffix("]").partition("[")
    return name, extras.split(",") if extras else []


def published(line: str) -> list[str]:
    """Return what a *line* names as what it is published as: no folder."""
    names = {str(folder): name for name, folder in SOURCES.items()}
    asked = []
    for word in line.split():
        name, extras = extras_of(word)
        if name.startswith((".", IMAGE)):
            folder = name.replace(IMAGE, str(ROOT))
            name = names[str((ROOT / folder).resolve())]
        asked.append(f"{name}[{','.join(extras)}]")
    return asked


@pytest.fixture(name="image", scope="session")
def _image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Dockerfile copies of what `.dockerignore` lets through."""
    folder = tmp_path_factory.mktemp("image")
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    let_through = {line[1:] for line in ignore if line.startswith("!")}
    for line in DOCKERFILE.read_text("utf-8").splitlines():
        if not line.startswith("COPY ") or not line.split()[-1].startswith(IMAGE):
            continue
        *sources, target = line.split()[1:]
        there = folder / target.removeprefix(IMAGE).strip("/")
        there.mkdir(parents=True, exist_ok=True)
        for source in sources:
            assert Path(source).parts[0] in let_through, f"{source} is ignored"
            if (ROOT / source).is_dir():
                # Links stay links, as Docker has it.
                shutil.copytree(
                    ROOT / source,
                    there,
                    symlinks=True,
                    dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns("__pycache__"),
                )
            else:
                shutil.copy(ROOT / source, there, follow_symlinks=False)
    return folder


@pytest.mark.slow
# Two lines that ask for the same are one.
@pytest.mark.parametrize(
    "line", {tuple(published(line)): line for line in install_lines()}.values()
)
def test_what_a_line_installs_starts(
    line: str, ours: dict[str, Distribution], tmp_path: Path
):
    """With exactly the extras that it names, commands and app start, asking sign-in."""
    home, folder = tmp_path / "venv", tmp_path / "run"
    folder.mkdir()
    link(closure(published(line), ours), _site(home))
    settings, checks = dict(ACCOUNT), []
    for word in line.split():
        for extra in extras_of(word)[1]:
            more, check = BY_EXTRA[extra]
            settings |= more
            checks.append(check)
    hosted = "audiomuse" in line
    if hosted:
        settings |= STORE  # people are kept there, and so are their music accounts
    script = "\n".join(
        [
            "import sys, authz",
            f"assert authz.__file__.startswith({str(home)!r})",
            ENTRY_POINTS,
            f"sys.path.insert(0, {str(STAND_IN)!r})",
            # Behind everything else: the stand-in speaks to music servers of tests.
            f"sys.path.append({str(ROOT)!r})",
            f"settings = {settings!r}",
            HOSTED if hosted else PLAIN,
            *checks,
        ]
    )

    assert "authz" in _run(home, folder, "python", "-c", script)


@pytest.mark.slow
def test_pip_comes_to_the_same(
    ours: dict[str, Distribution], image: Path, tmp_path: Path
):
    """It builds in the image what is published, and installs what that needs."""
    home, index = tmp_path / "venv", tmp_path / "index"
    index.mkdir()
    wanted = closure(published(IN_AN_IMAGE), ours)
    build_time = (ROOT / "requirements" / "build.in").read_text("utf-8").splitlines()
    needed = closure((line for line in build_time if not line.startswith("#")), {})
    put_together([dist for dist in [*wanted, *needed] if dist.name not in ours], index)
    site = _site(home)

    _install(home, IN_AN_IMAGE.replace(IMAGE, str(image)).split(), index)

    there = {dist.name: dist for dist in distributions(path=[str(site)])}
    assert {(name, dist.version) for name, dist in there.items()} == {
        (dist.name, dist.version) for dist in wanted
    }
    for name, dist in ours.items():
        assert _contents(there[name]) == _contents(dist)
    assert "music" in _run(home, tmp_path, "authz", "--help")


def _site(home: Path) -> Path:
    """Make an environment at *home*; return where something may be installed in it."""
    venv.create(home)
    (site,) = home.glob("lib/python*/site-packages")
    return site


def _contents(dist: Distribution) -> Mapping[str, object]:
    """Return what *dist* holds, file by file, and not who installed it, and how."""
    return {
        str(file): file.hash and file.hash.value
        for file in dist.files or ()
        if file.parts[0] != ".."
        and file.suffix != ".pyc"
        and file.name not in {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    }


def _install(home: Path, words: list[str], index: Path) -> None:
    """Have pip install the *words*, from the folder *index* alone."""
    # What `pip --python` does, without starting pip to start it.
    pip = [str(home / "bin" / "python"), str(PIP / "__pip-runner__.py")]
    # Not options: what builds the packages is installed by another pip.
    environment = {
        "PIP_COMPILE": "0",
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_FIND_LINKS": str(index),
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = subprocess.run(
        [*pip, "install", "--quiet", *words],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _run(home: Path, folder: Path, *command: str) -> str:
    """Run a *command* of the environment at *home*, and return what it printed."""
    done = subprocess.run(
        [str(home / "bin" / command[0]), *command[1:]],
        cwd=folder,
        env={"PATH": f"{home / 'bin'}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_there_are_lines():
    """The documents are found, and so is the line of the guide."""
    assert {". ./adapters/audiomuse", IN_AN_IMAGE} <= set(install_lines())
    assert len(install_lines()) > 5


def test_what_messages_ask_to_install_is_tried_too():
    """A message names extras that a document names, or all do."""
    hints = {
        hint
        for path in (ROOT / "authz").rglob("*.py")
        for hint in _HINT.findall(path.read_text("utf-8"))
    }

    assert hints
    assert hints <= set(install_lines())


def test_each_extra_is_tried():
    """None is published that no line above has installed."""
    named = {
        extra
        for line in install_lines()
        for word in line.split()
        for extra in extras_of(word)[1]
    }
    for folder in SOURCES.values():
        text = (folder / "pyproject.toml").read_text("utf-8")
        assert named >= set(tomllib.loads(text)["project"]["optional-dependencies"])
