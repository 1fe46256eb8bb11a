"""What can never match, or never be evaluated, in a policy that pycasbin answers.

Such a policy may come from a program whose subjects and objects are called otherwise.
It loads there and denies everything here; so it is said once, when it is loaded.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from typing import Final

from authz.decision import Grant, closure, grants_by_member
from authz.errors import Problem
from authz.policy.csv_rows import Row
from authz.policy.model import Model, parse_matcher

#: How names begin that a request may have.
_KINDS: Final = ("user:", "group:", "role:", "auth:", "token:")
_METHOD: Final = re.compile(r"[A-Z]+(?:-[A-Z]+)*")
_ATTRIBUTE: Final = re.compile(r"\br\.(\w+)\.(\w+)")
#: Casbin's functions for which a path of a policy begins like one of a request.
_PATHS: Final = frozenset({"keyMatch", "keyMatch2", "keyMatch3", "keyMatch4", "keyGet"})


def missing_attributes(model: Model, rows: Iterable[Row]) -> tuple[Problem, ...]:
    """Return where attributes are asked of requests, whose fields are texts."""
    found = [
        _no_attribute("model.conf", node.value.id.replace("_", ".", 1), asked)
        for node, asked in _attributes(model)
        if isinstance(node.value, ast.Name)
        and node.value.id.startswith("r_")
        and not hasattr(str, asked)
    ]
    if "eval(" in model.matcher:
        found += [
            _no_attribute(str(row.origin), f"r.{match[1]}", match[2])
            for row in rows
            for field in row.fields
            for match in _ATTRIBUTE.finditer(field)
            if not hasattr(str, match[2])
        ]
    return tuple(found)


def literals_of(model: Model) -> tuple[str, ...]:
    """Return the texts that the matcher of *model* compares with."""
    return tuple(
        node.value
        for node in ast.walk(parse_matcher(model.matcher))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def _attributes(model: Model) -> Iterator[tuple[ast.Attribute | ast.Subscript, str]]:
    """Yield where the matcher asks for a part of something by name, and the name."""
    for node in ast.walk(parse_matcher(model.matcher)):
        match node:
            case ast.Attribute(attr=name):
                yield node, name
            case ast.Subscript(slice=ast.Constant(value=str(name))):
                yield node, name
            case _:
                pass


def never_matching(
    model: Model, rows: Iterable[Row], grants: Iterable[Grant]
) -> tuple[Problem, ...]:
    """Return what of *rows* no request can ever match: one problem for each reason."""
    rows = tuple(rows)
    held = _held(model, rows, grants)
    reasons: dict[str, list[tuple[Row, str]]] = {}
    for row in rows:
        for reason, value in _reasons(model, row, held):
            reasons.setdefault(reason, []).append((row, value))
    return tuple(
        Problem(
            where=str(found[0][0].origin),
            message=f"`{found[0][1]}` {reason}"
            + (f" ({len(found)} lines are like this)" if len(found) > 1 else ""),
            hint=_HINTS[reason],
        )
        for reason, found in reasons.items()
    )


_NOBODY: Final = "is the name of nobody who asks, so the line can never match"
_NO_PATH: Final = "is no path, so the line can never match"
_NO_METHOD: Final = "is no HTTP method, so the line can never match"
_NO_SCOPE: Final = "is a scope, and requests have none, so the line can never match"
_HINTS: Final = {
    _NOBODY: "write for example `user:alice`; requests carry names with their kind",
    _NO_PATH: "write a path such as `/map`",
    _NO_METHOD: "write methods in capitals, such as `GET`",
    _NO_SCOPE: "leave the scope empty, or use a model without one",
}


def _reasons(model: Model, row: Row, held: frozenset[str]) -> Iterator[tuple[str, str]]:
    if row.kind == "g" and "g" in model.grants:
        member, *_, last = row.fields[: model.grants["g"]]
        if not member.startswith(_KINDS) and member not in held:
            yield _NOBODY, member
        elif model.grants["g"] > 2 and last:  # noqa: PLR2004 - more than two names
            yield _NO_SCOPE, last
    elif row.kind == "p":
        named = dict(zip(model.rules["p"], row.fields, strict=False))
        for function, asked, field in _atoms(model):
            reason = _why_never(function, asked, named.get(field), held)
            if reason is not None:
                yield reason, named[field]


def _why_never(
    function: str, asked: str, value: str | None, held: frozenset[str]
) -> str | None:
    """Return why the field *asked* of a request never compares with *value*."""
    if value is None:
        return None
    equal = function == "=="
    match asked:
        case "sub" if equal or function == "g":
            known = value in held and not equal
            return None if known or value.startswith(_KINDS) else _NOBODY
        case "obj" if equal or function in _PATHS:
            wild = not equal and value[:1] == "*"
            return None if wild or value.startswith("/") else _NO_PATH
        case "act" if equal:
            return None if _METHOD.fullmatch(value) else _NO_METHOD
        case "dom" if equal and value:
            return _NO_SCOPE
        case _:
            return None


def _atoms(model: Model) -> Iterator[tuple[str, str, str]]:
    """Yield what must hold for every rule: how which field is compared with which."""
    tree = parse_matcher(model.matcher)
    together = isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And)
    for atom in getattr(tree, "values", ()) if together else (tree,):
        function, compared = "", list[ast.expr]()
        if isinstance(atom, ast.Compare) and isinstance(atom.ops[0], ast.Eq):
            function, compared = "==", [atom.left, *atom.comparators]
        elif isinstance(atom, ast.Call) and isinstance(atom.func, ast.Name):
            function, compared = atom.func.id, atom.args[:2]
        names = sorted(
            (n.id for n in compared if isinstance(n, ast.Name)), reverse=True
        )
        match [(name[:2], name[2:]) for name in names]:
            case [("r_", asked), ("p_", field)] if len(compared) == len(names):
                yield function, asked, field


def _held(model: Model, rows: Iterable[Row], grants: Iterable[Grant]) -> frozenset[str]:
    """Return what somebody with a name that a request may have can hold by grants."""
    given = [
        Grant(member=row.fields[0], role=row.fields[1], origin=row.origin)
        for row in rows
        if row.kind == "g" and model.grants.get("g")
    ]
    by_member = grants_by_member((*given, *grants))
    return frozenset(closure([n for n in by_member if n.startswith(_KINDS)], by_member))


def _no_attribute(where: str, field: str, name: str) -> Problem:
    return Problem(
        where=where,
        message=f"`{field}.{name}` is asked for, and `{field}` of a request is a text "
        f"without `{name}`",
        hint="use the names, the path and the method of a request; give what depends "
        "on more as a role",
    )
