"""The settings of whatever is installed beside authz.

An adapter names them in the entry point group `authz.settings`, so that a misspelled
one is a problem and a right one is not. authz itself knows no adapter.
"""

from typing import Final

from authz.errors import Problem
from authz.settings.setting import Setting

GROUP: Final = "authz.settings"


def adapter_settings() -> tuple[tuple[Setting, ...], tuple[Problem, ...]]:
    """Return the settings that installed adapters declare, and what is wrong there.

    Each entry point of the group leads to a sequence of `Setting`.
    """
    from importlib.metadata import entry_points

    settings: list[Setting] = []
    problems: list[Problem] = []
    for point in sorted(entry_points(group=GROUP), key=lambda point: point.name):
        try:
            settings += point.load()
        except (ImportError, AttributeError) as error:
            problems.append(
                Problem(
                    where=f"{GROUP}:{point.name}",
                    message=f"the installed adapter cannot be loaded ({error})",
                    hint=f"install {point.module} again, or remove it",
                )
            )
    return tuple(settings), tuple(problems)
