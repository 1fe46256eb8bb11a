"""The packages, built once."""

from pathlib import Path

import pytest

from tests.packages.building import ROOT, SOURCES, build, put_together


@pytest.fixture(name="dist", scope="session")
def _dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist of each package, as `make build` makes them."""
    folder = tmp_path_factory.mktemp("dist")
    for source in SOURCES.values():
        build(source, folder, "sdist", "wheel")
    return folder


@pytest.fixture(name="index", scope="session")
def _index(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Folders that pip finds everything in: the packages, and what they need."""
    folder = tmp_path_factory.mktemp("index")
    build_time = (ROOT / "requirements" / "build.in").read_text("utf-8").splitlines()
    needed = [line for line in build_time if not line.startswith("#")]
    put_together(
        ["authz-casbin[all,demo]", "authz-audiomuse[postgres]", *needed], folder
    )
    return [dist, folder]
