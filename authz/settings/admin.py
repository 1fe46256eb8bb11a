"""Settings of the administration: the API and the pages, and what they may write."""

from dataclasses import dataclass
from typing import Final

from authz.settings import parsers
from authz.settings.defaults import defaulted
from authz.settings.reader import Reader

_ENABLED: Final = defaulted("AUTHZ_ADMIN_ENABLED", parsers.boolean)
_WRITABLE: Final = defaulted("AUTHZ_POLICY_WRITABLE", parsers.boolean)
_METRICS: Final = defaulted("AUTHZ_METRICS", parsers.boolean)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """What the operator decided about the administration."""

    #: Whether there are an admin API and admin pages at all.
    enabled: bool = _ENABLED.default
    #: Whether the policy file may be written. Otherwise Git has it, and a change is
    #: answered with its patch.
    policy_writable: bool = _WRITABLE.default
    #: Whether there are metrics for Prometheus.
    metrics: bool = _METRICS.default


def read_admin(reader: Reader) -> AdminSettings:
    """Return the settings of the administration."""
    return AdminSettings(
        enabled=reader.read(_ENABLED),
        policy_writable=reader.read(_WRITABLE),
        metrics=reader.read(_METRICS),
    )
