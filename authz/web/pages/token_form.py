"""What the two forms for a new API token have in common: an own one, and any."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from authz.errors import AlreadyThere, PolicyError, StoreReadOnly
from authz.identity.tokens import ApiToken
from authz.web.pages import wording
from authz.web.pages.base import AdminPages, Crumb

#: How long a token may hold: days, and how they are called.
SPANS: Final = (
    ("7", "7 days"),
    ("30", "30 days"),
    ("90", "90 days"),
    ("365", "a year"),
)
_USUAL: Final = "30"


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What the form for a new token holds."""

    label: str = ""
    role: str = ""
    #: The scopes it is limited to, as they were typed.
    scopes: str = ""
    #: One of `SPANS`; empty: until it is revoked.
    days: str = _USUAL


def typed_in(form: Mapping[str, str]) -> Typed:
    """Return what was typed into *form*."""
    role = form.get("role", "").strip()
    return Typed(
        label=form.get("label", "").strip(),
        # The name that the pages show is understood too.
        role=role if not role or ":" in role else f"role:{role}",
        scopes=form.get("scopes", "").strip(),
        days=form.get("days", _USUAL).strip(),
    )


def scopes_of(typed: Typed) -> tuple[str, ...]:
    """Return the scopes that a token is to be limited to; a comma ends each."""
    return tuple(filter(None, map(str.strip, typed.scopes.split(","))))


def show_made(
    pages: AdminPages, secret: str, token: ApiToken, *, back: Crumb
) -> Response:
    """Show a token that was made: it is on this page and nowhere else."""
    address = shlex.quote(request.url_root)
    return pages.page(
        "authz/admin/token_made.html",
        crumbs=[back],
        secret=secret,
        example=f"curl -H 'Authorization: Bearer {secret}' {address}",
        token=token,
        back=back.url,
    )


def days_of(typed: Typed) -> int:
    """Return for how many days the token is to hold; 0 if that is not offered."""
    return int(typed.days) if typed.days in dict(SPANS) else 0


def errors_of(error: PolicyError | AlreadyThere | StoreReadOnly) -> dict[str, str]:
    """Return the sentence for each field of the form that *error* is about."""
    if isinstance(error, PolicyError):
        return {
            _FIELDS.get(problem.where, ""): wording.sentence(problem)
            for problem in error.problems
        }
    field = "label" if isinstance(error, AlreadyThere) else ""
    return {field: wording.sentence(error)}


#: The field of the form that a problem is about.
_FIELDS: Final = {
    "token": "label",
    "label": "label",
    "role": "role",
    "scopes": "scopes",
    "days": "days",
    "expires": "days",
}
