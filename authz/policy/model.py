"""`model.conf`: read strictly, and recognised if it is the language we compile."""

import ast
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from authz.decision import PLAIN_COLUMNS, SCOPED_COLUMNS, has_scope
from authz.errors import PolicyError, Problem
from authz.policy.parsing import parse_expression
from authz.policy.patterns import CASBIN_FUNCTIONS

_SECTIONS: Final = {
    "request_definition": "r",
    "policy_definition": "p",
    "role_definition": "g",
    "policy_effect": "e",
    "matchers": "m",
}
_REQUIRED: Final = frozenset(_SECTIONS) - {"role_definition"}
_ALLOW: Final = "some(where (p_eft == allow))"
_ALLOW_AND_DENY: Final = f"{_ALLOW} && !some(where (p_eft == deny))"
_COMPILED_ATOMS: Final = frozenset(
    {"g(r.sub,p.sub)", "pathMatch(r.obj,p.obj)", "methodMatch(r.act,p.act)"}
)
_ROLES: Final = re.compile(r"_(?:\s*,\s*_)+")
_SCOPED_ATOMS: Final = frozenset(
    {
        "g(r.sub,p.sub,r.dom)",
        "scopeMatch(r.dom,p.dom)",
        "pathMatch(r.obj,p.obj)",
        "methodMatch(r.act,p.act)",
    }
)
#: The lines of the shipped model, which is recognised without asking pycasbin: what
#: asks a question of a policy file need not load an engine that will not answer it.
_SHIPPED_LINES: Final = (
    "[request_definition]",
    "r = sub, obj, act",
    "[policy_definition]",
    "p = sub, obj, act, eft",
    "[role_definition]",
    "g = _, _",
    "[policy_effect]",
    "e = some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    "[matchers]",
    "m = g(r.sub, p.sub) && pathMatch(r.obj, p.obj) && methodMatch(r.act, p.act)",
)
#: Those of the shipped model with scopes.
_SCOPED_LINES: Final = (
    "[request_definition]",
    "r = sub, dom, obj, act",
    "[policy_definition]",
    "p = sub, dom, obj, act, eft",
    "[role_definition]",
    "g = _, _, _",
    "[policy_effect]",
    "e = some(where (p.eft == allow)) && !some(where (p.eft == deny))",
    "[matchers]",
    (
        "m = g(r.sub, p.sub, r.dom) && scopeMatch(r.dom, p.dom)"
        " && pathMatch(r.obj, p.obj) && methodMatch(r.act, p.act)"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """What a policy may say, and how a request is compared with it."""

    text: str
    #: `r` -> its fields; `p`, `p2` -> theirs; `g`, `g2` -> how many names a grant has.
    requests: dict[str, tuple[str, ...]]
    rules: dict[str, tuple[str, ...]]
    grants: dict[str, int]
    effect: str
    #: The matcher as it is written.
    matcher: str

    @property
    def columns(self) -> tuple[str, ...]:
        """What a request says, and a rule of a compiled policy, but for its effect."""
        return self.requests["r"]

    @property
    def is_scoped(self) -> bool:
        """Whether requests are about a scope."""
        return has_scope(self.columns)


def read_model(
    text: str, *, source: str = "model.conf", functions: Collection[str] = ()
) -> Model:
    """Read a Casbin model.

    *functions* are the names of custom functions the matcher may use besides
    pycasbin's own, `pathMatch` and `methodMatch`.

    Raises:
        PolicyError: with every problem found.
    """
    lines = tuple(line for _, line in _lines(text))
    for shipped, scope in ((_SHIPPED_LINES, ()), (_SCOPED_LINES, ("dom",))):
        if lines == shipped:
            return Model(
                text=text,
                requests={"r": ("sub", *scope, "obj", "act")},
                rules={"p": ("sub", *scope, "obj", "act", "eft")},
                grants={"g": 2 + len(scope)},
                effect=_ALLOW_AND_DENY,
                matcher=shipped[-1].removeprefix("m = "),
            )
    return read_with_casbin(text, source, functions)


def read_with_casbin(text: str, source: str, functions: Collection[str] = ()) -> Model:
    """Read any Casbin model; `read_model` knows the shipped one by sight."""
    return _Reader(source, functions).read(text)


def why_not_compiled(model: Model) -> str | None:
    """Return why pycasbin has to answer for *model*, or None if it is compiled."""
    fields = model.rules.get("p", ())
    asked = SCOPED_COLUMNS if model.is_scoped else PLAIN_COLUMNS
    spelled = ", ".join(asked)
    if model.requests != {"r": asked}:
        return f"a request is not `{spelled}`"
    if set(model.rules) != {"p"} or fields[: len(asked)] != asked:
        return f"a rule is not `{spelled}, eft`"
    if fields[len(asked) :] not in {(), ("eft",)}:
        return f"a rule has more fields than `{spelled}, eft`"
    if model.grants != {"g": len(asked) - 1}:
        names = ", ".join("_" * (len(asked) - 1))
        return f"there is not exactly one role definition `g = {names}`"
    wanted = _SCOPED_ATOMS if model.is_scoped else _COMPILED_ATOMS
    atoms = re.sub(r"\s", "", model.matcher).split("&&")
    if frozenset(atoms) != wanted or len(atoms) != len(wanted):
        return "the matcher is not the shipped one"
    compiled = {_ALLOW_AND_DENY} if fields[len(asked) :] else {_ALLOW_AND_DENY, _ALLOW}
    if model.effect not in compiled:
        return "the effect is not the shipped one"
    return None


class _Reader:
    def __init__(self, source: str, functions: Collection[str]) -> None:
        self._source = source
        from casbin.model import FunctionMap

        known = set(FunctionMap.load_function_map().get_functions())
        self._functions = known | CASBIN_FUNCTIONS.keys() | set(functions) | {"eval"}
        self._problems: list[Problem] = []

    def read(self, text: str) -> Model:
        found: dict[str, dict[str, tuple[int, str]]] = {name: {} for name in _SECTIONS}
        section = None
        for number, line in _lines(text):
            header = re.fullmatch(r"\[\s*(\w+)\s*\]", line)
            if header:
                section = header[1]
                if section not in _SECTIONS:
                    self._problem(
                        number,
                        f"there is no section `[{section}]`",
                        f"use {', '.join(_SECTIONS)}",
                    )
                continue
            key, equals, value = (part.strip() for part in line.partition("="))
            if section is None or not equals or not value:
                self._problem(
                    number,
                    f"`{line[:60]}` is neither a section nor a definition",
                    "write `[section]`, or `name = definition` below one",
                )
            elif section in _SECTIONS:
                if not re.fullmatch(_SECTIONS[section] + r"([2-9]\d*)?", key):
                    self._problem(
                        number,
                        f"`{key}` does not belong in `[{section}]`",
                        f"name it `{_SECTIONS[section]}`",
                    )
                elif key in found[section]:
                    self._problem(number, f"`{key}` is defined twice", "remove one")
                else:
                    found[section][key] = (number, value)
        for name in sorted(_REQUIRED):
            if _SECTIONS[name] not in found[name] and not self._problems:
                self._problem(
                    0, f"`{_SECTIONS[name]}` is missing", f"define it in `[{name}]`"
                )
        self._stop()
        return self._model(text, found)

    def _model(self, text: str, found: dict[str, dict[str, tuple[int, str]]]) -> Model:
        requests = self._fields(found["request_definition"])
        rules = self._fields(found["policy_definition"])
        grants = {}
        for key, (number, value) in found["role_definition"].items():
            count = value.count("_")
            if not _ROLES.fullmatch(value) or count > 3:  # noqa: PLR2004 - a domain
                self._problem(
                    number,
                    f"`{key} = {value}` is not a role definition that can be used",
                    "write `_, _`, or `_, _, _` with a scope; conditions need code",
                )
            grants[key] = count
        effect = self._effect(*found["policy_effect"]["e"])
        for key, (number, value) in found["matchers"].items():
            self._matcher(number, value, key, requests, rules, grants)
        self._stop()
        return Model(
            text=text,
            requests=requests,
            rules=rules,
            grants=grants,
            effect=effect,
            matcher=_without_comments(found["matchers"]["m"][1]),
        )

    def _fields(
        self, definitions: dict[str, tuple[int, str]]
    ) -> dict[str, tuple[str, ...]]:
        fields = {}
        for key, (number, value) in definitions.items():
            names = tuple(part.strip() for part in value.split(","))
            if not all(name.isidentifier() for name in names) or len(set(names)) != len(
                names
            ):
                self._problem(
                    number,
                    f"`{key} = {value}` is not a list of names",
                    "write for example `sub, obj, act`, each name once",
                )
            fields[key] = names
        return fields

    def _effect(self, number: int, value: str) -> str:
        from casbin.effect import get_effector
        from casbin.util import escape_assertion

        effect = str(escape_assertion(_without_comments(value)))
        try:
            get_effector(effect)
        except RuntimeError:
            self._problem(
                number,
                f"the effect `{value}` is not one that Casbin knows",
                "copy it from Casbin's documentation to the letter, blanks included",
            )
        return effect

    def _matcher(  # noqa: PLR0913, PLR0917 - what a matcher may speak of
        self,
        number: int,
        value: str,
        key: str,
        requests: dict[str, tuple[str, ...]],
        rules: dict[str, tuple[str, ...]],
        grants: dict[str, int],
    ) -> None:
        suffix = key[1:]
        names = {
            f"{kind}{suffix}_{name}"
            for kind, defined in (("r", requests), ("p", rules))
            for name in defined.get(f"{kind}{suffix}", defined[kind])
        }
        try:
            tree = parse_matcher(value)
        except SyntaxError as error:
            self._problem(
                number, f"the matcher does not parse ({error.msg})", "correct it"
            )
            return
        called = {
            node.func.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        spoken = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        for name in sorted(called - self._functions - set(grants)):
            self._problem(
                number,
                f"the matcher calls `{name}`, which nobody defines",
                "register the function, or define the role",
            )
        for name in sorted(spoken - called - names):
            self._problem(
                number,
                f"the matcher speaks of `{name.replace('_', '.', 1)}`, "
                "which is not defined",
                "add it to the request or policy definition",
            )

    def _problem(self, number: int, message: str, hint: str) -> None:
        where = f"{self._source}:{number}" if number else self._source
        self._problems.append(Problem(where=where, message=message, hint=hint))

    def _stop(self) -> None:
        if self._problems:
            raise PolicyError(self._problems)


def parse_matcher(matcher: str) -> ast.expr:
    """Return the syntax tree of a matcher, read as pycasbin reads it.

    Raises:
        SyntaxError: if it is not an expression.
    """
    from casbin.util import escape_assertion

    text = str(escape_assertion(_without_comments(matcher)))
    text = text.replace("&&", " and ").replace("||", " or ")
    return parse_expression(re.sub(r"!(?!=)", " not ", text))


def _without_comments(text: str) -> str:
    from casbin.util import remove_comments

    return str(remove_comments(text))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that say something; a backslash continues a line."""
    begun, kept = 0, ""
    for number, raw in enumerate(text.lstrip("\ufeff").splitlines(), start=1):
        line = raw.strip()
        if not kept and (not line or line[0] in "#;"):
            continue
        begun = begun if kept else number
        kept += line
        if kept.endswith("\\"):
            kept = kept[:-1].rstrip() + " "
            continue
        yield begun, kept.strip()
        kept = ""
    if kept:
        yield begun, kept.strip()
