"""Are the right packages installed, and none that breaks another?"""

import platform
import re
from collections.abc import Iterator
from importlib import metadata
from typing import Final

from authz.admin.doctor.finding import Finding, fail, from_problems, ok
from authz.installed import package_problems, version_of

_CHECK: Final = "packages"
_DISTRIBUTION: Final = "authz-casbin"
#: Worth naming in a report of a problem.
_NAMED: Final = (
    "authz-casbin",
    "pycasbin",
    "flask",
    "werkzeug",
    "pyjwt",
    "cryptography",
)
#: `pyjwt[crypto]>=2.15.1`, as a distribution says what it needs.
_FLOOR: Final = re.compile(r"([\w.-]+)(?:\[[\w,-]*\])?>=([\d.]+)\Z")


def check() -> Iterator[Finding]:
    """Yield what is to be said of the installed packages."""
    wrong = (*from_problems(_CHECK, package_problems()), *_too_old())
    yield from wrong
    if not wrong:
        named = [f"{name} {version_of(name) or 'missing'}" for name in _NAMED]
        yield ok(_CHECK, ", ".join([*named, f"python {platform.python_version()}"]))


def _too_old() -> Iterator[Finding]:
    for needed in metadata.requires(_DISTRIBUTION) or ():
        found = _FLOOR.match(needed)
        if found is None:
            continue  # of an extra
        name, floor = found.groups()
        version = version_of(name)
        if version is None or _numbers(version) < _numbers(floor):
            yield fail(
                _CHECK,
                f"`{name}` {version or 'is missing, and'} is not {floor} or newer",
                f"`pip install '{name}>={floor}'`",
            )


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers that *version* begins with: `2.15.1rc1` is 2, 15, 1."""
    leading = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, leading[0].split("."))) if leading else ()
