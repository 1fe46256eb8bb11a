"""The app's menu as the one who looks at it can use it.

The app draws its menu from a template of its own. A template of this package stands in
front of it, takes what the app's says, leaves out every line that leads to a page the
policy refuses, and adds a line for one's own account and one for the administration.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

from flask import Flask, request, url_for
from jinja2 import ChoiceLoader, FileSystemLoader, PrefixLoader
from markupsafe import Markup, escape
from werkzeug.routing import BuildError

from authz import Guarded
from authz.integration.web import current_request, state_of

#: The app's template of its menu.
MENU_TEMPLATE: Final = "sidebar_navi.html"
#: Where the template of this package finds the app's own.
_THEIRS: Final = "audiomuse"
_PAGES: Final = (
    ("Your account", "authz_admin.account"),
    ("Who may do what", "authz_admin.overview"),
)
_SIGN_OUT: Final = "/logout"


def install_menu(app: Flask, guarded: Guarded, more: Callable[[], str]) -> None:
    """Put the template of this package in front of the app's.

    *more* returns HTML that is to stand behind the menu.
    """
    theirs = app.jinja_loader
    if theirs is None:
        return
    ours = FileSystemLoader(str(files("authz_audiomuse").joinpath("templates")))
    app.jinja_loader = ChoiceLoader([ours, PrefixLoader({_THEIRS: theirs}), theirs])

    def menu(drawn: str) -> Markup:
        return Markup(Menu(guarded).shown(drawn) + more())  # noqa: S704 - the app's own

    app.jinja_env.globals["authz_audiomuse_menu"] = menu


class Menu:
    """The menu of one app."""

    def __init__(self, guarded: Guarded) -> None:
        """Ask the policy of *guarded*."""
        self._guarded = guarded

    def shown(self, drawn: str) -> str:
        """Return the menu that the app has *drawn* as the current subject is to see it.

        What cannot be made sense of is left as it is: the policy refuses anyway.
        """
        state = state_of(current_request())
        if state is None:
            return drawn
        subject = state.subject
        found = parse_menu(drawn)
        cut = [item.span for item in found if self._dead(item, subject)]
        out = next((item.span[0] for item in found if item.goes_to(_SIGN_OUT)), None)
        lines = self._lines(subject) if subject.is_authenticated else ""
        return _edited(drawn, cut, len(drawn) if out is None else out, lines)

    def _dead(self, item: "Item", subject: Any) -> bool:
        if item.inner:
            return all(self._dead(inner, subject) for inner in item.inner)
        may = self._guarded.hook.may
        return any(not may(subject, "GET", path) for path in item.paths)

    def _lines(self, subject: Any) -> str:
        lines = []
        for label, endpoint in _PAGES:
            try:
                url = url_for(endpoint)
            except BuildError:
                continue  # the admin pages are switched off
            path = url.removeprefix(request.script_root)
            if self._guarded.hook.may(subject, "GET", path):
                lines.append(f'<li><a href="{escape(url)}">{escape(label)}</a></li>\n')
        return "".join(lines)


@dataclass(slots=True)
class Item:
    """A line of the menu."""

    #: Where it begins and ends in what the app has drawn.
    span: tuple[int, int]
    #: The pages of the app that it leads to, those of its inner lines left out.
    paths: list[str] = field(default_factory=list)
    #: Where its forms go.
    forms: list[str] = field(default_factory=list)
    inner: list["Item"] = field(default_factory=list)

    def goes_to(self, path: str) -> bool:
        """Return whether a form of it goes to *path*."""
        return path in self.forms


def parse_menu(drawn: str) -> list[Item]:
    """Return the lines of a menu, those of submenus too, outermost first."""
    parser = _MenuParser(drawn)
    parser.feed(drawn)
    parser.close()
    return sorted(parser.items, key=lambda item: item.span)


class _MenuParser(HTMLParser):
    """Finds each `<li>` and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._starts = [0]
        for line in text.split("\n"):  # as `getpos` counts them
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._open: list[Item] = []
        self.items: list[Item] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note where a line begins and where it leads."""
        if tag == "li":
            self._open.append(Item(span=(self._at(), 0)))
        elif self._open and tag == "a":
            path = _path_of(dict(attrs).get("href"))
            if path is not None:
                self._open[-1].paths.append(path)
        elif self._open and tag == "form":
            path = _path_of(dict(attrs).get("action"))
            if path is not None:
                self._open[-1].forms.append(path)

    def handle_endtag(self, tag: str) -> None:
        """Note where a line ends."""
        if tag != "li" or not self._open:
            return
        item = self._open.pop()
        item.span = (item.span[0], self._at() + len("</li>"))
        if self._open:
            self._open[-1].inner.append(item)
        self.items.append(item)

    def _at(self) -> int:
        line, column = self.getpos()
        return self._starts[line - 1] + column


def _path_of(url: str | None) -> str | None:
    """Return the path in this app that *url* leads to; None: it leads elsewhere."""
    parts = urlsplit(url or "")
    if parts.scheme or parts.netloc or not parts.path.startswith("/"):
        return None
    return parts.path.removeprefix(request.script_root) or "/"


def _edited(text: str, cut: list[tuple[int, int]], at: int, lines: str) -> str:
    """Return *text* without what is *cut*, and with *lines* in it *at* a position."""
    kept, position = [], 0
    for start, end in [*sorted(cut), (len(text), len(text))]:
        if position <= at <= start and lines:
            kept += [text[position:at], lines]
            position, lines = at, ""
        if start >= position:
            kept.append(text[position:start])
        position = max(position, end)
    return "".join([*kept, lines])
