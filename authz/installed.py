"""Which packages are installed, and which must not be installed together."""

from collections.abc import Iterator
from importlib import metadata
from typing import Final

from authz.errors import Problem, SettingsError

#: Two distributions that both bring a package `casbin`. Whichever was installed last
#: has overwritten files of the other: what decides then is neither of them.
_ENGINE: Final = "pycasbin"
_IMPOSTOR: Final = "casbin"


def version_of(distribution: str) -> str | None:
    """Return the version of *distribution* that is installed, or None if it is not."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def package_problems() -> Iterator[Problem]:
    """Yield what is wrong with the installed packages, before anything is decided."""
    impostor = version_of(_IMPOSTOR)
    if impostor is None:
        return
    engine = version_of(_ENGINE)
    yield Problem(
        where="packages",
        message=f"`{_IMPOSTOR}` {impostor} is installed "
        + (f"beside `{_ENGINE}` {engine}" if engine else f"instead of `{_ENGINE}`")
        + ", and both are imported as `casbin`",
        hint=f"`pip uninstall {_IMPOSTOR} {_ENGINE}`, then `pip install {_ENGINE}`",
    )


def refuse_wrong_packages() -> None:
    """Raise `SettingsError` if packages are installed that must not be together."""
    wrong = tuple(package_problems())
    if wrong:
        raise SettingsError(wrong)
