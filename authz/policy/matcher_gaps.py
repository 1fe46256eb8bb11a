"""Where a matcher lets people in whom no rule names.

A matcher may ask about the request alone (`r.obj == "/x" || ...`), or about nobody's
name. What it says then holds for strangers, whatever the rules say, and shows in none
of them. Which paths that are is not guessed: what a request may say is held possible.

A policy of which strangers get more than its rules name is refused. Where rules name
nobody at all, because they have no subjects, what they open to all is only told.
"""

import ast
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Final, NamedTuple

from authz.decision import AccessRequest, Grant, Origin
from authz.errors import PolicyError, Problem
from authz.policy.casbin_engine import CasbinPolicy, asks_for_one_name
from authz.policy.csv_rows import Row
from authz.policy.model import Model, parse_matcher
from authz.policy.safety import people_without_a_role

#: So many comparisons are tried in every combination; of more, all and each alone.
_EACH: Final = 12
#: Names nobody and nothing, so a rule made of it speaks of no request.
_NOBODYS: Final = "z-nobodys-7f3a9c"
_PATH: Final = f"/{_NOBODYS}-path"


class Gap(NamedTuple):
    """How a model lets in people whom no rule names."""

    problem: Problem
    #: Whether they get more than the rules say, and not only what they say to all.
    is_refused: bool


def matcher_gap(
    model: Model,
    rows: Iterable[Row],
    grants: Iterable[Grant],
    *,
    source: str,
) -> Gap | None:
    """Return how *model* lets in people who hold no role, and whom no rule names.

    Of the *rows* of the policy, grants count, and so do the *grants* of settings.
    *source* is what a problem names.
    """
    tree = parse_matcher(model.matcher)
    atoms = list(_atoms(tree))
    asked = [row for row in rows if row.kind in model.grants]
    asked += [_speaking_of_nobody(kind, model) for kind in model.rules]
    alone = [_policy(model, atom, asked, grants) for atom in atoms]
    for free, whatever, hint in _KINDS:
        for who, subject in people_without_a_role():
            question = AccessRequest(subject=subject, path=_PATH, method="GET")
            known = {
                id(atom): policy is not None and bool(policy.decide(question))
                for atom, policy in zip(atoms, alone, strict=True)
            }
            open_ones = [a for a in atoms if free(a) and not _never_holds(a)]
            for held in _assignments(len(open_ones)):
                known |= {id(a): h for a, h in zip(open_ones, held, strict=True)}
                if _holds(tree, known):
                    holding = [a for a, h in zip(open_ones, held, strict=True) if h]
                    where = " && ".join(map(_written, holding))
                    where = f" where `{where}`" if where else ""
                    message = f"{who} are let in{where}, {whatever}"
                    named = any("sub" in fields for fields in model.rules.values())
                    return Gap(
                        problem=Problem(where=source, message=message, hint=hint),
                        is_refused=named or free is _of_the_request,
                    )
    return None


def _of_the_request(atom: ast.expr) -> bool:
    about = _about(atom)
    return bool(about) and about <= {"r_obj", "r_act", "r_dom"}


def _never_holds(atom: ast.expr) -> bool:
    """Return whether *atom* wants a path or a method that no request can have."""
    match atom:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = {type(side): side for side in (left, right)}
            wanted = [sides.get(ast.Constant)]
        case ast.Compare(
            left=left,
            ops=[ast.In()],
            comparators=[ast.Tuple(elts=elements) | ast.List(elts=elements)],
        ):
            sides = {ast.Name: left}
            wanted = list(elements)
        case _:
            return False
    may_be = _MAY_BE.get(getattr(sides.get(ast.Name), "id", ""))
    return may_be is not None and not any(
        not isinstance(one, ast.Constant) or may_be(str(one.value)) for one in wanted
    )


#: What a path, or a method, of a request can be.
_MAY_BE: Final[Mapping[str, Callable[[str], bool]]] = {
    "r_obj": lambda text: text.startswith("/"),
    "r_act": lambda text: text == text.upper(),
}


def _of_no_subject(atom: ast.expr) -> bool:
    about = _about(atom)
    return bool(about) and not about & {"r_sub", "p_sub", "eval"}


#: Which comparisons may hold whatever they are compared with, what that means, and
#: the mend.
_KINDS: Final = (
    (
        _of_the_request,
        "whatever the rules say",
        "take it out of the matcher, and write a rule for `role:everyone`",
    ),
    (
        _of_no_subject,
        "whomever the rules name",
        "compare who asks in every part of the matcher: `g(r.sub, p.sub) && ...`",
    ),
)


def _atoms(node: ast.expr) -> Iterator[ast.expr]:
    """Yield what `and`, `or` and `not` put together."""
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                yield from _atoms(value)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield from _atoms(operand)
        case _:
            yield node


def _about(node: ast.expr) -> frozenset[str]:
    """Return which fields of a request and of a rule *node* compares."""
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
    return frozenset(n for n in names if n[:2] in {"r_", "p_"} or n == "eval")


def _assignments(count: int) -> Iterator[Sequence[bool]]:
    """Yield which of *count* comparisons hold, the fewest first."""
    if count <= _EACH:
        yield from sorted(product((False, True), repeat=count), key=sum)
        return
    for single in range(count):
        yield [place == single for place in range(count)]
    yield [True] * count


def _holds(tree: ast.expr, known: Mapping[int, bool]) -> bool:
    """Return whether *tree* holds if of its comparisons those hold that are *known*."""
    match tree:
        case ast.BoolOp(op=op, values=values):
            every = all if isinstance(op, ast.And) else any
            return every(_holds(value, known) for value in values)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _holds(operand, known)
        case _:
            return known[id(tree)]


def _policy(
    model: Model, atom: ast.expr, rows: Sequence[Row], grants: Iterable[Grant]
) -> CasbinPolicy | None:
    """Return what answers whether *atom* holds; None if it cannot be asked."""
    matcher = ast.unparse(atom)
    if asks_for_one_name(model):
        matcher = f"({matcher}) and r_sub == r_sub"  # so does this one, then
    lines = ["[request_definition]"]
    lines += [f"{name} = {', '.join(of)}" for name, of in model.requests.items()]
    lines.append("[policy_definition]")
    lines += [f"{name} = {', '.join(of)}" for name, of in model.rules.items()]
    lines.append("[role_definition]" if model.grants else "")
    lines += [f"{name} = {', '.join('_' * n)}" for name, n in model.grants.items()]
    lines += ["[policy_effect]", "e = some(where (p.eft == allow))"]
    lines += ["[matchers]", f"m = {matcher}"]
    asked = replace(model, text="\n".join(lines), matcher=matcher)
    try:
        return CasbinPolicy(asked, rows, grants=grants)
    except PolicyError:
        return None


def _speaking_of_nobody(kind: str, model: Model) -> Row:
    fields = {"eft": "allow", "obj": f"{_PATH}s", "priority": "1"}
    told = tuple(fields.get(name, _NOBODYS) for name in model.rules[kind])
    return Row(kind, told, Origin("model"))


def _written(node: ast.expr) -> str:
    """Return *node* as a model has it."""
    return ast.unparse(node).replace("r_", "r.").replace("p_", "p.")
