"""What is looked at: an installation, with its app or without."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from authz.errors import AuthzError, Problem
from authz.runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """Where settings come from, and what else is known."""

    #: The app's config; empty without an app.
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    #: What guards the app; None without an app.
    runtime: Runtime | None = None
    #: Why the app did not start, if it did not.
    broken: AuthzError | None = None
    #: What is declared for routes that the app has not.
    misfits: tuple[Problem, ...] = ()
    #: A token that somebody wants to have explained.
    token: str | None = field(default=None, repr=False)
