"""Where rules stand, as messages about them say it."""

from pathlib import Path
from typing import Final

from authz.settings import Settings

#: What rules of a database name as the place where they stand.
STORED: Final = "casbin_rule"


def policy_source(settings: Settings) -> str:
    """Return what rules name as the place where they stand."""
    return STORED if settings.store.holds_rules else shown(settings.policy)


def shown(path: Path) -> str:
    """Return *path* as a person in the current folder would write it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
