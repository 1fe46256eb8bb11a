"""Can the settings be used?"""

from collections.abc import Iterator

from authz.admin.doctor.finding import Finding, Status, from_problems, ok
from authz.admin.doctor.installation import Installation
from authz.errors import SettingsError
from authz.settings import SETTINGS, Settings, read_settings

_CHECK = "settings"


def read(installation: Installation) -> tuple[Settings | None, tuple[Finding, ...]]:
    """Return the settings, None if they are wrong, and what there is to say of them."""
    try:
        settings = read_settings(installation.config, installation.environ)
    except SettingsError as error:
        return None, from_problems(_CHECK, error.problems)
    return settings, tuple(_about(settings, installation))


def _about(settings: Settings, installation: Installation) -> Iterator[Finding]:
    yield ok(_CHECK, f"{_count(installation)} set, all known")
    yield from from_problems(_CHECK, settings.warnings, Status.WARN)


def _count(installation: Installation) -> int:
    names = {setting.name for setting in SETTINGS}
    names |= {f"{setting.name}_FILE" for setting in SETTINGS if setting.from_file}
    return sum(
        name in installation.config or name in installation.environ for name in names
    )
