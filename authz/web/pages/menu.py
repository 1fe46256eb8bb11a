"""What stands in the menu of the admin pages, and how others put themselves there."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flask import request, url_for

from authz.decision import Subject

#: Returns whether a subject may use a method on a path of the app.
May = Callable[[Subject, str, str], bool]


class Group(StrEnum):
    """Under which heading an entry stands."""

    FIRST = ""
    WHO = "Who"
    WHAT = "May do what"
    WHEN = "What happened"
    MORE = "More"


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    """One line of the menu. It shows only to those who may open it."""

    label: str
    #: The endpoint of the page, for `url_for`.
    endpoint: str
    group: Group = Group.MORE
    #: One of the signs in `authz/admin/icons.html`.
    icon: str = "dot"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownEntry:
    """A line of the menu as one visitor sees it."""

    label: str
    icon: str
    url: str
    current: bool


#: The lines of the pages that every app has.
_ENTRIES: Final = tuple(
    MenuEntry(label=label, endpoint=f"authz_admin.{page}", group=group, icon=icon)
    for label, page, group, icon in (
        ("Overview", "overview", Group.FIRST, "overview"),
        ("People", "people", Group.WHO, "people"),
        ("Roles", "roles", Group.WHO, "role"),
        ("API tokens", "tokens", Group.WHO, "token"),
        ("Rules", "rules", Group.WHAT, "rules"),
        ("Routes", "routes", Group.WHAT, "routes"),
        ("Tester", "tester", Group.WHAT, "tester"),
        ("Changes", "changes", Group.WHEN, "changes"),
        ("Audit log", "audit", Group.WHEN, "audit"),
    )
)


class Menu:
    """The entries of one app: those of every app, and what was added to them."""

    def __init__(self, may: May) -> None:
        self._may = may
        self._entries = list(_ENTRIES)

    def add(self, entry: MenuEntry) -> None:
        """Add *entry* behind those of its group."""
        self._entries.append(entry)

    def shown(
        self, subject: Subject, *, without: str = ""
    ) -> Iterable[tuple[str, list[ShownEntry]]]:
        """Yield each heading with what *subject* may open below it.

        *without* is an endpoint that is left out.
        """
        for group in Group:
            shown = [
                found
                for entry in self._entries
                if entry.group is group
                and entry.endpoint != without
                and (found := self._shown(entry, subject))
            ]
            if shown:
                yield str(group), shown

    def _shown(self, entry: MenuEntry, subject: Subject) -> ShownEntry | None:
        url = url_for(entry.endpoint)
        path = url.removeprefix(request.script_root)
        if not self._may(subject, "GET", path):
            return None
        current = request.path == path or (
            path.count("/") > 1
            and not path.endswith("/")
            and request.path.startswith(path + "/")
        )
        return ShownEntry(label=entry.label, icon=entry.icon, url=url, current=current)
