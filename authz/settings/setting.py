"""One setting, as the reference page shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting as the reference page shows it."""

    name: str
    help: str
    default: str
    #: Whether `<NAME>_FILE` is read too.
    from_file: bool = False
    #: Another name that works as well.
    alias: str | None = None
    #: Whether a number may stand behind `AUTHZ_JWT`, for further issuers.
    numbered: bool = False
