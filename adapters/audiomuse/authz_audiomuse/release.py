"""Whether a release of AudioMuse-AI has something that nobody has looked at yet.

The administrators' rule `/*` would take a new address in silence, and a field that no
list knows would pass. So what the app has is compared with what was looked at: its
routes, the fields that its views for people read, and the places that this adapter
takes hold of in its pages.
"""

import ast
import csv
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator
from importlib.resources import files
from typing import Any, Final

from flask import Flask

from authz import Problem
from authz.integration.policy import Rule, speaks_of
from authz_audiomuse.controls import CONTROLS
from authz_audiomuse.fields.listed import FieldList
from authz_audiomuse.host import Host
from authz_audiomuse.menu import MENU_TEMPLATE

#: Added by Flask to each route.
_OF_ITSELF: Final = frozenset({"HEAD", "OPTIONS"})
_NONE: Final[frozenset[str]] = frozenset()
_PLUGINS: Final = "/plugins/"
_CATCH_ALL: Final = "/*"
_READERS: Final = frozenset({"get", "getlist", "pop"})
_SENT: Final = frozenset({"args", "form", "values", "json", "files", "get_json"})
_TOKEN: Final = re.compile(r"[#.]([a-z][\w-]*)")
_HINT: Final = (
    "look at it, and name it in the policy, in `fields.toml`, or ask for a newer "
    "authz-audiomuse"
)


def review(
    host: Host, rules: Iterable[Rule], fields: FieldList, own: frozenset[str] = _NONE
) -> tuple[Problem, ...]:
    """Return what of *host* was not looked at, routes first.

    Args:
        host: The app.
        rules: The rules of the policy.
        fields: What is known of fields.
        own: The blueprints that belong to authz.
    """
    named = [rule for rule in rules if rule.path != _CATCH_ALL]
    return (
        *_routes(host.app, named, own),
        *_fields(host.app, named, fields),
        *_places(host),
    )


def known_routes() -> frozenset[tuple[str, str]]:
    """Return method and path of each route that was looked at."""
    text = files("authz_audiomuse.known").joinpath("routes.csv").read_text("utf-8")
    return frozenset(
        (method, row["path"])
        for row in csv.DictReader(text.splitlines())
        for method in row["methods"].split("|")
    )


def known_fields() -> frozenset[str]:
    """Return the fields that were looked at and are harmless."""
    text = files("authz_audiomuse.known").joinpath("fields.txt").read_text("utf-8")
    return frozenset(text.split())


def _routes(app: Flask, named: list[Rule], own: frozenset[str]) -> Iterator[Problem]:
    known = known_routes()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint.partition(".")[0] in own or _is_plugins(rule.rule):
            continue
        for method in sorted((rule.methods or set()) - _OF_ITSELF):
            if (method, rule.rule) in known or _is_named(named, method, rule.rule):
                continue
            yield Problem(
                where=f"{method} {rule.rule}",
                message="AudioMuse-AI has this address, and no rule of its own names "
                "it, so it is the administrators'",
                hint=_HINT,
            )


def gone_routes(app: Flask) -> tuple[Problem, ...]:
    """Return the routes that were looked at and that *app* does not have."""
    found = {
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }
    return tuple(
        Problem(
            where=f"{method} {path}",
            message="AudioMuse-AI does not have this address",
            hint="nothing has to be done; a rule for it has no effect",
        )
        for method, path in sorted(known_routes() - found)
    )


def _is_plugins(path: str) -> bool:
    return path.startswith(_PLUGINS)


def _is_named(rules: Iterable[Rule], method: str, route: str) -> bool:
    sample = re.sub(r"<[^>]*>", "sample", route)
    return any(speaks_of(rule, method, sample) for rule in rules)


def _fields(app: Flask, named: list[Rule], fields: FieldList) -> Iterator[Problem]:
    """Yield the fields of views that people may use; administrators may send any."""
    known = known_fields()
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        methods = (rule.methods or set()) - _OF_ITSELF
        if not any(_is_named(named, method, rule.rule) for method in methods):
            continue
        for name in sorted(fields_read(app.view_functions[rule.endpoint])):
            if name in known or fields.find(rule.rule, name) is not None:
                continue
            known |= {name}
            yield Problem(
                where=f"{rule.rule}: `{name}`",
                message="AudioMuse-AI reads this field, and nobody has looked at what "
                "it does",
                hint=_HINT,
            )


def fields_read(view: Callable[..., Any]) -> set[str]:
    """Return the names that *view* itself reads of what is sent along.

    As far as its source says so: names that are written out.
    """
    while hasattr(view, "view"):  # as authz guards it
        view = view.view
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(view))))
    except (OSError, TypeError, SyntaxError):
        return set()
    sent = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and _is_sent(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {name for node in ast.walk(tree) for name in _read(node, sent)}


def _read(node: ast.AST, sent: set[str]) -> Iterator[str]:
    match node:
        case ast.Call(
            func=ast.Attribute(value=value, attr=attr),
            args=[ast.Constant(value=str(name)), *_],
        ) if attr in _READERS and _is_one_of(value, sent):
            yield name
        case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if (
            _is_one_of(value, sent)
        ):
            yield name
        case _:
            pass


def _is_one_of(value: ast.expr, sent: set[str]) -> bool:
    return (isinstance(value, ast.Name) and value.id in sent) or _is_sent(value)


def _is_sent(value: ast.expr) -> bool:
    """Whether *value* is what was sent: `request.args`, `request.get_json() or {}`."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in _SENT
        and isinstance(node.value, ast.Name)
        and node.value.id == "request"
        for node in (value, *_within(value))
    )


def _within(value: ast.expr) -> Iterator[ast.AST]:
    if isinstance(value, ast.BoolOp):
        for part in value.values:
            yield part
            yield from _within(part)
    if isinstance(value, ast.Call):
        yield value.func


def _places(host: Host) -> Iterator[Problem]:
    pages = _pages(host.app)
    if MENU_TEMPLATE not in pages:
        yield _moved(MENU_TEMPLATE, "the template of its menu is not there")
    text = "\n".join(pages.values())
    for control in CONTROLS:
        gone = [
            token for token in _TOKEN.findall(control.selector) if token not in text
        ]
        if gone:
            yield _moved(control.page, f"its pages have no `{gone[0]}` any more")
    for module, name in (
        (host.servers, "servers_for_ui"),
        (host.media, "active_creds"),
    ):
        if not callable(getattr(module, name, None)):
            yield _moved(name, "there is no such function")


def _pages(app: Flask) -> dict[str, str]:
    """Return the app's templates, by name."""
    loader = app.jinja_loader
    if loader is None:
        return {}
    return {
        name: loader.get_source(app.jinja_env, name)[0]
        for name in loader.list_templates()
        if name.endswith(".html")
    }


def _moved(where: str, message: str) -> Problem:
    return Problem(
        where=f"AudioMuse-AI, {where}",
        message=message,
        hint="people see more than they can use until there is a newer authz-audiomuse",
    )
