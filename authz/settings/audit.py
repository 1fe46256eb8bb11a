"""Settings of the audit log."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authz.errors import InvalidValue
from authz.settings import parsers
from authz.settings.defaults import defaulted
from authz.settings.reader import Reader

_MEGABYTE = 1024 * 1024


def _sync_all(text: str) -> bool:
    if text not in {"changes", "all"}:
        raise InvalidValue(
            f"`{text}` does not say what is forced to the disk",
            "write `changes` or `all`",
        )
    return text == "all"


def _megabytes(text: str) -> int:
    return int(parsers.positive(text) * _MEGABYTE)


_MAX_BYTES: Final = defaulted("AUTHZ_AUDIT_MAX_MB", _megabytes)
_KEPT: Final = defaulted("AUTHZ_AUDIT_KEEP", parsers.count)
_DAYS: Final = defaulted("AUTHZ_AUDIT_DAYS", parsers.positive)
_SYNC_ALL: Final = defaulted("AUTHZ_AUDIT_SYNC", _sync_all)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSettings:
    """What the operator decided about the audit log."""

    #: The file; None: the logger alone.
    file: Path | None = None
    #: A file of so many bytes is put aside.
    max_bytes: int = _MAX_BYTES.default
    #: How many full files are kept.
    kept: int = _KEPT.default
    #: How long a database keeps records, in days.
    days: float = _DAYS.default
    #: Whether decisions, too, are forced to the disk.
    sync_all: bool = _SYNC_ALL.default


def read_audit(reader: Reader) -> AuditSettings:
    """Return the settings of the audit log."""
    return AuditSettings(
        file=reader.parse("AUTHZ_AUDIT_FILE", Path, None),
        max_bytes=reader.read(_MAX_BYTES),
        days=reader.read(_DAYS),
        kept=reader.read(_KEPT),
        sync_all=reader.read(_SYNC_ALL),
    )
