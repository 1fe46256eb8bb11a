"""What a run found: promises with the figures beside them, and everything as JSON."""

import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """Something promised, and what was measured; *holds* is None if nothing could be."""

    promise: str
    measured: str
    holds: bool | None

    def __str__(self) -> str:
        word = "SKIP" if self.holds is None else "PASS" if self.holds else "FAIL"
        return f"{word}  {self.promise}: {self.measured}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one section of a run found."""

    bars: Iterable[Bar]
    #: Tables to print, line by line.
    lines: Iterable[str] = ()
    #: Lists of flat rows for the JSON, by name.
    parts: Mapping[str, Iterable[Mapping[str, Any]]] = field(default_factory=dict)


def write(
    path: Path, parts: Mapping[str, Iterable[Mapping[str, Any]]], bars: Iterable[Bar]
) -> None:
    """Write every figure of a run to *path*: lists of flat rows, ready to plot."""
    found = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        **{name: list(rows) for name, rows in parts.items()},
        "bars": [asdict(bar) for bar in bars],
    }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
