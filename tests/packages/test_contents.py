"""What is published holds what is needed, nothing besides, and is always the same."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.packages.building import ROOT, SOURCES, build

pytestmark = pytest.mark.slow

PACKAGES = {
    "authz-casbin": ("authz", "authz_pytest"),
    "authz-audiomuse": ("authz_audiomuse",),
}
LICENSES = {
    "authz-casbin": {"LICENSE", "LICENSE-UNICODE"},
    "authz-audiomuse": {"LICENSE"},
}
#: One of each kind that is read at run time and is no Python.
NEEDED = {
    "authz-casbin": {
        "authz/py.typed",
        "authz_pytest/py.typed",
        "authz/model.conf",
        "authz/model-scoped.conf",
        "authz/identity/confusables.txt",
        "authz/policy/starters/family.csv",
        "authz/policy/starters/family_test.yaml",
        "authz/policy/starters/env.example",
        "authz/cli/schemas/check.json",
        "authz/stores/migrations/versions/0001_first.py",
        "authz/web/static/authz.css",
        "authz/web/static/vendor/htmx.min.js",
        "authz/web/static/vendor/htmx.LICENSE.txt",
        "authz/web/templates/authz/sign_in.html",
        "authz/web/templates/authz/admin/layout.html",
    },
    "authz-audiomuse": {
        "authz_audiomuse/py.typed",
        "authz_audiomuse/policy.csv",
        "authz_audiomuse/fields/fields.toml",
        "authz_audiomuse/known/routes.csv",
        "authz_audiomuse/known/fields.txt",
        "authz_audiomuse/music/migrations/0001_links.py",
        "authz_audiomuse/music/templates/authz_music/me.html",
        "authz_audiomuse/templates/sidebar_navi.html",
    },
}
both = pytest.mark.parametrize("name", SOURCES)


def only(folder: Path, name: str, suffix: str) -> Path:
    """Return the one file of the package *name* in *folder*."""
    (path,) = folder.glob(f"{name.replace('-', '_')}-*{suffix}")
    return path


def on_disk(name: str) -> set[str]:
    """Return every file of the packages, as it lies in the checkout."""
    source = SOURCES[name]
    return {
        str(path.relative_to(source))
        for package in PACKAGES[name]
        for path in (source / package).rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and not path.name.startswith(".")
    }


def metadata(dist: Path, name: str) -> Message:
    """Return what the wheel says about itself."""
    with zipfile.ZipFile(only(dist, name, ".whl")) as archive:
        (path,) = (n for n in archive.namelist() if n.endswith("dist-info/METADATA"))
        return message_from_bytes(archive.read(path))


@both
def test_the_wheel_is_whole(dist: Path, name: str):
    """Each file of the packages is in it, and beside them only what describes them."""
    with zipfile.ZipFile(only(dist, name, ".whl")) as archive:
        names = set(archive.namelist())
    described = {n for n in names if n.partition("/")[0].endswith(".dist-info")}
    files = {n.partition("/")[2] for n in described}

    assert names - described == on_disk(name)
    assert names >= NEEDED[name]
    assert {n.partition("/")[2] for n in files if n.startswith("licenses/")} == (
        LICENSES[name]
    )


@both
def test_the_sdist_is_the_source_of_the_packages(dist: Path, name: str):
    """No links, no tests, nothing that lies about in a checkout."""
    with tarfile.open(only(dist, name, ".tar.gz")) as archive:
        members = archive.getmembers()
    inside = {member.name.partition("/")[2] for member in members}
    beside = {"README.md", "pyproject.toml", "PKG-INFO", ".gitignore", *LICENSES[name]}

    assert all(member.isfile() for member in members)
    assert inside - beside - {"CHANGELOG.md"} == on_disk(name)
    assert inside >= beside - {".gitignore"}


@both
def test_a_build_from_the_sdist_is_the_same_to_the_byte(
    dist: Path, name: str, tmp_path: Path
):
    """In another folder, with files of another date, the same two files come out."""
    with tarfile.open(only(dist, name, ".tar.gz")) as archive:
        # Not an argument: Python before 3.11.4, such as Debian's, has no filters.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(tmp_path)  # noqa: S202 - it was built here
    (unpacked,) = tmp_path.iterdir()
    (unpacked / "README.md").touch()
    again = tmp_path / "again"

    build(unpacked, again, "wheel", "sdist")

    for suffix in (".whl", ".tar.gz"):
        first, second = only(dist, name, suffix), only(again, name, suffix)
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


def test_an_index_would_take_them(dist: Path):
    """Names, versions and the long description are as PyPI wants them."""
    done = subprocess.run(
        [sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASSED") == 4


def test_the_version_is_a_release_that_the_changelog_tells_of(dist: Path):
    """Both packages carry it, and the adapter wants an authz that it fits."""
    versions = {metadata(dist, name)["Version"] for name in SOURCES}
    told = re.findall(r"^## (\S+) - \d{4}-\d\d-\d\d$", _changelog(), re.MULTILINE)
    wanted = metadata(dist, "authz-audiomuse").get_all("Requires-Dist") or []
    (version,) = versions

    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert told[0] == version
    assert any(
        need == f"authz-casbin[db]>={version.rpartition('.')[0]}" for need in wanted
    )


def _changelog() -> str:
    return (ROOT / "CHANGELOG.md").read_text("utf-8")


@both
def test_each_python_that_is_named_may_install_it(dist: Path, name: str):
    """From the oldest that is supported on; none is shut out from above."""
    classifiers = metadata(dist, name).get_all("Classifier") or []
    named = [c.rpartition(" ")[2] for c in classifiers if ":: Python :: 3." in c]

    assert metadata(dist, name)["Requires-Python"] == ">=3.11"
    assert named[0] == "3.11"
    assert "Typing :: Typed" in classifiers


@both
def test_what_it_needs_has_a_floor_and_no_cap(name: str):
    """The app beside it shares these packages: a cap would freeze them."""
    text = (SOURCES[name] / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    extras = project["optional-dependencies"].values()

    for need in [*project["dependencies"], *(n for extra in extras for n in extra)]:
        assert not re.search(r"[<~!]|==", need), need
