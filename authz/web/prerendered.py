"""A page that is rendered once; only what differs is filled in for each who gets it.

A template takes longer than everything else about a refused request, and a flood of
them would take the app's time. So ours is rendered with marks where the values of one
request belong, and cut there. A template of the app's own may do anything with the
values; it is rendered each time.
"""

import re
import secrets
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from weakref import WeakKeyDictionary

from flask import Flask, current_app
from jinja2 import Environment
from markupsafe import escape

from authz.web.state import current_request, viewer_in

_OURS: Final = str(Path(__file__).with_name("templates"))
#: What no template has in it.
_MARK: Final = secrets.token_hex(16)
_CUT: Final = re.compile(f"{_MARK}(.+?){_MARK}")
#: Pages of one app, of which there are a few kinds; a client chooses no more.
_MAX_PAGES: Final = 64

#: The text of a page and the names of values, in turns; empty if it is not prepared.
_Pieces = list[str]
_prepared: WeakKeyDictionary[Environment, dict[Hashable, _Pieces]] = WeakKeyDictionary()


def fill(
    template: str,
    parts: tuple[str, ...],
    *,
    kind: Mapping[str, Hashable],
    values: Mapping[str, str | None],
    links: Mapping[str, Callable[[], str]] = MappingProxyType({}),
) -> str:
    """Return *template* with *kind* and *values*, as rendering it would.

    Args:
        template: The template.
        parts: The templates that it is made of.
        kind: What it may ask about.
        values: What it may only show, or ask whether it is there.
        links: What return addresses in the app: asked for once, as those are that
            stand in the template.
    """
    app, current = current_app, current_request()
    env = app.jinja_env

    def everything() -> dict[str, Any]:
        return {**kind, **values, **{name: link() for name, link in links.items()}}

    if viewer_in(current.environ):  # the frame says so
        return _rendered(env, template, everything())
    theme = env.globals["authz_theme"]()  # type: ignore[operator]
    there = tuple([name if value else value for name, value in values.items()])
    root = current.script_root
    key = (template, root, theme, there, *kind.values(), *links)
    pages = _prepared.setdefault(env, {})
    pieces = pages.get(key)
    if pieces is None:
        if len(pages) >= _MAX_PAGES:
            pages.clear()
        pieces = []
        if _may_prepare(app, (template, *parts)):
            marked = {name: f"{_MARK}{name}{_MARK}" for name in there if name}
            pieces = _CUT.split(_rendered(env, template, everything() | marked))
        pages[key] = pieces
    if not pieces:
        return _rendered(env, template, everything())
    filled = pieces.copy()
    filled[1::2] = [escape(values[name]) for name in pieces[1::2]]
    return "".join(filled)


def _rendered(env: Environment, template: str, values: Mapping[str, Any]) -> str:
    return env.get_or_select_template(template).render(values)


def _may_prepare(app: Flask, templates: tuple[str, ...]) -> bool:
    """Whether all *templates* are ours, and stay what they are."""
    env = app.jinja_env
    if env.auto_reload or app.url_map.host_matching or app.subdomain_matching:
        return False
    if any(app.url_default_functions.values()):  # an address may be another each time
        return False
    files = (env.get_template(name).filename for name in templates)
    return all(file is not None and file.startswith(_OURS) for file in files)
