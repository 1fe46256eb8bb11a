"""The packages, built once."""

from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests.packages.building import SOURCES, build, unpacked


@pytest.fixture(name="dist", scope="session")
def _dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist of each package, as `make build` makes them."""
    folder = tmp_path_factory.mktemp("dist")
    for source in SOURCES.values():
        build(source, folder, "sdist", "wheel")
    return folder


@pytest.fixture(name="ours", scope="session")
def _ours(
    dist: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Distribution]:
    """What is in each wheel, by the name of the package."""
    folder = tmp_path_factory.mktemp("ours")
    wheels = {name: f"{name.replace('-', '_')}-*.whl" for name in SOURCES}
    return {
        name: unpacked(next(dist.glob(wheel)), folder / name)
        for name, wheel in wheels.items()
    }
