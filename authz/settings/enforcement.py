"""Whether the policy in force is enforced, and what is asked beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from authz.errors import InvalidValue
from authz.settings.defaults import defaulted
from authz.settings.reader import Reader


def _report_only(text: str) -> bool:
    if text not in {"enforce", "report"}:
        raise InvalidValue(
            f"`{text}` is no mode, and nothing turns the guard off",
            "write `enforce`, or `report` to see what the policy would deny",
        )
    return text == "report"


_REPORT_ONLY: Final = defaulted("AUTHZ_MODE", _report_only)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnforcementSettings:
    """Whether what the policy says is enforced, and what is tried beside it."""

    #: Whether what the policy denies is only reported, and let through.
    report_only: bool = _REPORT_ONLY.default
    #: A candidate that is asked beside the policy in force, and decides nothing.
    shadow: Path | None = None


def read_enforcement(reader: Reader) -> EnforcementSettings:
    """Return what the settings say of it. Report-only is a warning at each start."""
    report_only = reader.read(_REPORT_ONLY)
    if report_only:
        reader.warning(
            "AUTHZ_MODE",
            "the app is NOT GUARDED: what the policy denies is let through "
            "and only logged",
            "set it to `enforce`",
        )
    return EnforcementSettings(
        report_only=report_only,
        shadow=reader.parse("AUTHZ_SHADOW_POLICY", Path, None),
    )
