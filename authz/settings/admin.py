"""Settings of the administration: the API and the pages, and what they may write."""

from dataclasses import dataclass

from authz.settings import parsers
from authz.settings.reader import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSettings:
    """What the operator decided about the administration."""

    #: Whether there are an admin API and admin pages at all.
    enabled: bool = True
    #: Whether the policy file may be written. Otherwise Git has it, and a change is
    #: answered with its patch.
    policy_writable: bool = False
    #: Whether there are metrics for Prometheus.
    metrics: bool = False


def read_admin(reader: Reader) -> AdminSettings:
    """Return the settings of the administration."""
    return AdminSettings(
        enabled=reader.parse("AUTHZ_ADMIN_ENABLED", parsers.boolean, default=True),
        policy_writable=reader.parse(
            "AUTHZ_POLICY_WRITABLE", parsers.boolean, default=False
        ),
        metrics=reader.parse("AUTHZ_METRICS", parsers.boolean, default=False),
    )
