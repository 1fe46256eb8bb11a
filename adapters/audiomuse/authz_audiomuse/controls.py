"""Buttons and fields of the app's pages that somebody could not use.

The pages draw them for everybody. A style hides those whose request the policy refuses,
and the fields for credentials that only administrators may send.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from authz import Subject
from authz.integration.web import Hook


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What a page draws, and the request that it sends."""

    page: str
    #: A CSS selector.
    selector: str
    #: Method and path of its request; None: only administrators may fill it in.
    request: tuple[str, str] | None = None


_ANCHOR: Final = "/api/anchors/1"
_RADIO: Final = "/api/radios/1"
CONTROLS: Final = (
    Control(
        page="/alchemy",
        selector="#save-anchor-panel",
        request=("POST", "/api/anchors"),
    ),
    Control(page="/alchemy", selector=".btn-rename-anchor", request=("PUT", _ANCHOR)),
    Control(
        page="/alchemy", selector=".btn-delete-anchor", request=("DELETE", _ANCHOR)
    ),
    Control(
        page="/alchemy", selector="#add-radio-btn", request=("POST", "/api/radios")
    ),
    Control(page="/alchemy", selector="#save-radios-btn", request=("PUT", _RADIO)),
    Control(page="/alchemy", selector=".btn-delete-radio", request=("DELETE", _RADIO)),
    Control(
        page="/alchemy",
        selector="#create-radio-playlists-btn",
        request=("POST", "/api/radios/run"),
    ),
    Control(
        page="/sonic_fingerprint",
        selector="#fingerprint-form fieldset:has(.server-creds)",
    ),
    # What the workers do; the answer to the page's request does not tell it.
    Control(page="/", selector="section:has(#workers-table)"),
    Control(page="/", selector="section:has(#recent-tasks-table)"),
    Control(page="/", selector="section:has(#cron-table)"),
)


def hidden(hook: Hook, subject: Subject, page: str, *, is_admin: bool) -> list[str]:
    """Return the selectors of what *subject* could not use on *page*."""
    return list(_hidden(hook, subject, page, is_admin=is_admin))


def _hidden(
    hook: Hook, subject: Subject, page: str, *, is_admin: bool
) -> Iterator[str]:
    for control in CONTROLS:
        if control.page != page:
            continue
        if control.request is None:
            if not is_admin:
                yield control.selector
        elif not hook.may(subject, *control.request):
            yield control.selector


#: Where a page says whose listening history it looks at.
HISTORY_PAGE: Final = "/sonic_fingerprint"
_HISTORY_PLACE: Final = "#fingerprint-form::before"


def history_note(text: str) -> str:
    """Return a style that says *text* above the form of the sonic fingerprint."""
    return f"<style>{_HISTORY_PLACE} {{ content: {css_string(text)} }}</style>\n"


def css_string(text: str) -> str:
    """Return *text* as a string of a style sheet within HTML (CSS Syntax 4.3.5)."""
    return (
        '"'
        + "".join(
            char if char.isalnum() or char in " .,:()" else f"\\{ord(char):06x}"
            for char in text
        )
        + '"'
    )


def style(selectors: list[str]) -> str:
    """Return a style that hides what *selectors* find; empty if there are none."""
    if not selectors:
        return ""
    return f"<style>{', '.join(selectors)} {{ display: none !important }}</style>\n"
