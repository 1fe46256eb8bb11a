"""The settings as they are, each with where it comes from, and no secret in them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authz.settings.reader import Reader
from authz.settings.setting import Setting
from authz.settings.table import SETTINGS

#: What stands in the place of a secret.
MASK: Final = "***"
#: These may come from a file, and are no secrets.
_OPEN: Final = frozenset({"AUTHZ_ADMIN", "AUTHZ_USER", "AUTHZ_FORWARD_HOSTS"})
_NUMBERED: Final = re.compile(r"AUTHZ_JWT_[2-9]_.+")
#: These hold an address, and perhaps a password in it.
_ADDRESSES: Final = frozenset({"AUTHZ_STORE", "AUTHZ_REDIS_URL"})
#: An address: its scheme, whatever stands before the host, and where it leads. Greedy,
#: because a password may hold any sign.
_ADDRESS: Final = re.compile(r"(?is)([a-z][a-z0-9+.-]*://)(.*@)?([^?#]*).*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One setting, as it may be shown to anybody."""

    name: str
    #: Its text, or what stands for a secret; None if it is not set.
    value: str | None
    #: `app config`, `environment`, or `default`; with the file, if it is in one.
    source: str
    default: str


def shown_settings(
    config: Mapping[str, Any],
    environ: Mapping[str, str],
    others: Iterable[Setting] = (),
) -> Iterator[Shown]:
    """Yield every setting of authz, and of *others*, as it may be shown."""
    settings = {setting.name: setting for setting in (*SETTINGS, *others)}
    reader = Reader(config, environ, settings.values())
    names = dict.fromkeys(settings)
    for key in sorted({*config, *environ}):
        name = key.removesuffix("_FILE") if key not in settings else key
        if _NUMBERED.fullmatch(name):
            names.setdefault(name)
    for name in names:
        declared = settings.get(re.sub("_[2-9]_", "_", name, count=1))
        setting = settings.get(name) or declared
        if setting is not None:
            yield _shown(reader, name, setting, config, environ)


def _shown(
    reader: Reader,
    name: str,
    setting: Setting,
    config: Mapping[str, Any],
    environ: Mapping[str, str],
) -> Shown:
    key, text = reader.find(name)
    if text is None and config.get(key) is None and environ.get(key) is None:
        return Shown(name=name, value=None, source="default", default=setting.default)
    given = config if config.get(key) is not None else environ
    source = "app config" if given is config else "environment"
    if key != name:
        source += f", {key}"
    if key.endswith("_FILE") and setting.from_file and key != setting.name:
        source += f"={given[key]}"
    return Shown(
        name=name,
        value=None if text is None else _masked(text, setting),
        source=source,
        default=setting.default,
    )


def _masked(text: str, setting: Setting) -> str:
    """Return *text* if it can be no secret; what may come from a file may be one."""
    if setting.from_file and setting.name not in _OPEN | _ADDRESSES:
        return MASK if text else text
    address = _ADDRESS.fullmatch(text)
    if address:
        user = f"{MASK}@" if address[2] else ""
        return f"{address[1]}{user}{address[3]}"
    return MASK if setting.name in _ADDRESSES else text
