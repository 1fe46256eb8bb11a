"""Settings of the audit log."""

from dataclasses import dataclass
from pathlib import Path

from authz.errors import InvalidValue
from authz.settings import parsers
from authz.settings.reader import Reader

_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """What the operator decided about the audit log."""

    #: The file; None: the logger alone.
    file: Path | None = None
    #: A file of so many bytes is put aside.
    max_bytes: int = 50 * _MEGABYTE
    #: How many full files are kept.
    kept: int = 20
    #: How long a database keeps records, in days.
    days: float = 365.0
    #: Whether decisions, too, are forced to the disk.
    sync_all: bool = False


def read_audit(reader: Reader) -> AuditSettings:
    """Return the settings of the audit log."""
    return AuditSettings(
        file=reader.parse("AUTHZ_AUDIT_FILE", Path, None),
        max_bytes=int(
            reader.parse("AUTHZ_AUDIT_MAX_MB", parsers.positive, 50.0) * _MEGABYTE
        ),
        days=reader.parse("AUTHZ_AUDIT_DAYS", parsers.positive, 365.0),
        kept=reader.parse("AUTHZ_AUDIT_KEEP", parsers.count, 20),
        sync_all=reader.parse("AUTHZ_AUDIT_SYNC", _sync_all, default=False),
    )


def _sync_all(text: str) -> bool:
    if text not in {"changes", "all"}:
        raise InvalidValue(
            f"`{text}` does not say what is forced to the disk",
            "write `changes` or `all`",
        )
    return text == "all"
