"""A policy in any other Casbin language, answered by pycasbin itself.

Slower than the compiled one, and as strict about what it loads: a row that pycasbin
would skip, cut or stumble over later is refused when the policy is read.
"""

import ast
import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from authz.decision import (
    AccessRequest,
    Asked,
    Decision,
    Effect,
    Explanation,
    Grant,
    Origin,
    Policy,
    Reason,
    Rule,
    RulePath,
    Subject,
    combine,
    outcome,
)
from authz.errors import PolicyError, Problem
from authz.policy.csv_rows import Row
from authz.policy.model import Model, parse_matcher
from authz.policy.oracle import Ask, Links, pure_enforcer
from authz.policy.patterns import CASBIN_FUNCTIONS, concerns
from authz.scope import ANY_SCOPE, Scope, ScopeSet

#: So many ways to fail are told.
_TELL: Final = 16
_log: Final = logging.getLogger("authz")
#: How a field of a request is filled, by the name the model gives it.
_KNOWN_FIELDS: Final = frozenset({"sub", "obj", "act", "dom"})


class CasbinPolicy:
    """A policy that pycasbin evaluates. Immutable; any number of threads may ask."""

    def __init__(  # noqa: PLR0913 - what a policy is made of
        self,
        model: Model,
        rows: Sequence[Row],
        *,
        rules: Iterable[Rule] = (),
        grants: Iterable[Grant] = (),
        functions: Mapping[str, Callable[..., Any]] | None = None,
        scope: str = "",
    ) -> None:
        """Check *rows* against *model* and make them ready to answer.

        *rules* hold where the model says nothing, whatever it says; *grants* are those
        of settings, *functions* the custom ones of the matcher. *scope* stands for the
        field `dom` of a request.

        Raises:
            PolicyError: with every row that cannot be used.
        """
        self._model = model
        self._scope = scope
        self._fields = model.requests["r"]
        self._rows = _checked(model, rows)
        self._rows += tuple(_grant_rows(model, grants, scope))
        self._beside = tuple(rules)
        self._origins = {(row.kind, row.fields): row.origin for row in self._rows}
        self._reached = {
            kind: _closure(kind, size, self._rows)
            for kind, size in model.grants.items()
        }
        self._ask: Ask = pure_enforcer(
            model.text,
            [(row.kind, row.fields) for row in self._rows],
            {kind: Links(reached) for kind, reached in self._reached.items()},
            {**CASBIN_FUNCTIONS, **(functions or {})},
        )
        self._told: set[str] = set()
        self._all_names = not asks_for_one_name(model)
        self.revision: str = _revision(model, self._rows)
        #: Its rows are of a language that only pycasbin reads.
        self.source: Policy | None = None
        self.written: Policy | None = None

    def _tell(self, error: Exception) -> None:
        """Say that the policy cannot be evaluated: once for each way to fail."""
        said = f"{type(error).__name__}: {error}"[:200]
        if said in self._told or len(self._told) >= _TELL:
            return
        self._told.add(said)
        _log.error(
            "the policy could not be evaluated (%s): requests like this one are denied",
            said,
        )

    def ask(self, *values: Any) -> tuple[bool, list[str]]:
        """Return what `enforce_ex` of pycasbin returns: the answer, and one rule.

        Raises what pycasbin raises, for example when an attribute is missing.
        """
        answer, rule = self._ask(*values)
        return bool(answer), list(rule)

    def decide(self, request: Asked) -> Decision:
        """Return the answer to *request*. What cannot be evaluated is denied."""
        about = request.scope
        if about is None or "dom" not in self._fields:
            return self._decide(request, self._scope)
        every = (about,) if isinstance(about, Scope) else about
        answers = [self._decide(request, scope.text) for scope in every]
        return next((each for each in answers if not each), answers[0])

    def _decide(self, request: Asked, scope: str) -> Decision:
        try:
            answer, fields = self._ask(*self._values(request, scope))
        except Exception as error:  # noqa: BLE001 - any language may raise anything
            self._tell(error)
            return self._decision(Effect.DENY, Reason.EVALUATION_FAILED, ())
        rules = (self._rule(fields),) if fields else ()
        if answer:
            return self._decision(Effect.ALLOW, Reason.ALLOWED_BY_RULE, rules)
        if rules and rules[0].effect is Effect.DENY:
            return self._decision(Effect.DENY, Reason.DENIED_BY_RULE, rules)
        return combine(self._also(request), self.revision)

    def _also(self, request: Asked) -> tuple[Rule, ...]:
        """Return which rules beside the model's own speak of *request*."""
        return tuple(
            rule
            for rule in self._beside
            if rule.subject in request.subject.names and concerns(rule, request)
        )

    def explain(self, request: AccessRequest) -> Explanation:
        """Return the answer to *request* with the one rule that pycasbin names."""
        decision = self.decide(request)
        return Explanation(
            decision=decision,
            because=tuple(RulePath(rule=rule, grants=()) for rule in decision.rules),
            overruled=(),
            nearest=(),
        )

    def held_by(self, subject: Subject) -> Mapping[str, frozenset[str]]:
        """Return every name of *subject*, as if each was theirs everywhere."""
        names = subject.names | self.roles_of(subject.names)
        return dict.fromkeys(names, frozenset((ANY_SCOPE,)))

    def roles_of(self, names: Iterable[str]) -> frozenset[str]:
        """Return every role that somebody with *names* holds, however indirectly."""
        held = set(names)
        for name in list(held):
            for (member, *_), roles in self._reached.get("g", {}).items():
                if member == name:
                    held |= roles
        return frozenset(name for name in held if name.startswith("role:"))

    def roles_within(self, subject: Subject, scope: str) -> frozenset[str]:
        """Return every role that *subject* holds in *scope*, or everywhere."""
        held = set(subject.names)
        for (member, *where), roles in self._reached.get("g", {}).items():
            if member in subject.names and {*where} <= {scope, ANY_SCOPE}:
                held |= roles
        return frozenset(name for name in held if name.startswith("role:"))

    def scopes(
        self, subject: Subject, path: str, method: str, *, public: bool = False
    ) -> ScopeSet:
        """Return every scope if *subject* may use *method* on *path*, else none.

        None where the model has scopes and the path is not *public*: which ones cannot
        be told without asking for each.
        """
        asked = AccessRequest(subject=subject, path=path, method=method)
        allowed = outcome(self.decide(asked), declared_public=public)
        if "dom" in self._fields and allowed.reason is not Reason.DECLARED_PUBLIC:
            return ScopeSet()
        return ScopeSet.where((ANY_SCOPE,) if allowed else ())

    def _values(self, request: Asked, scope: str) -> list[Any]:
        subject = request.subject
        known = {
            # `Links` asks for each name of a set, so that all names count at once.
            "sub": subject.names if self._all_names else subject.name,
            "obj": request.path,
            "act": request.method,
            "dom": scope,
        }
        return [known[field] for field in self._fields]

    def _rule(self, fields: Sequence[str]) -> Rule:
        named = dict(zip(self._model.rules["p"], fields, strict=True))
        method = named.get("act", "*")
        return Rule(
            subject=named.get("sub", ""),
            path=named.get("obj", ""),
            methods=frozenset() if method == "*" else frozenset({method}),
            effect=Effect(named.get("eft", "allow")),
            origin=self._origins.get(("p", tuple(fields)), Origin("policy")),
        )

    def _decision(
        self, effect: Effect, reason: Reason, rules: tuple[Rule, ...]
    ) -> Decision:
        return Decision(
            effect=effect, reason=reason, rules=rules, revision=self.revision
        )


def cannot_ask(model: Model) -> Problem | None:
    """Return why an app's requests cannot be put to *model*, or None if they can."""
    unknown = set(model.requests["r"]) - _KNOWN_FIELDS
    if not unknown:
        return None
    return Problem(
        where="model.conf",
        message=f"a request has the field `{min(unknown)}`, "
        "which no HTTP request fills",
        hint="use sub, obj, act and, for a scope, dom",
    )


def asks_for_one_name(model: Model) -> bool:
    """Return whether *model* can only be asked about one name of a subject.

    About all at once, if it uses the subject only as the first argument of a role.
    """
    tree = parse_matcher(model.matcher)
    uses = sum(isinstance(n, ast.Name) and n.id == "r_sub" for n in ast.walk(tree))
    in_roles = sum(
        isinstance(n.func, ast.Name)
        and n.func.id in model.grants
        and bool(n.args)
        and isinstance(n.args[0], ast.Name)
        and n.args[0].id == "r_sub"
        for n in ast.walk(tree)
        if isinstance(n, ast.Call)
    )
    return not uses or uses != in_roles


def _checked(model: Model, rows: Sequence[Row]) -> tuple[Row, ...]:
    problems: list[Problem] = []
    checked: list[Row] = []
    for row in rows:
        size = model.grants.get(row.kind)
        fields = model.rules.get(row.kind)
        if size is None and fields is None:
            problems.append(
                _problem(
                    row,
                    f"the model has no `{row.kind}`",
                    f"use {', '.join([*model.rules, *model.grants])}",
                )
            )
            continue
        if fields and fields[-1] == "eft" and len(row.fields) == len(fields) - 1:
            row = Row(row.kind, (*row.fields, "allow"), row.origin)  # noqa: PLW2901
        wanted = size if fields is None else len(fields)
        if len(row.fields) != wanted:
            problems.append(
                _problem(
                    row,
                    f"`{row.kind}` has {wanted} fields, this line {len(row.fields)}",
                    "write " + (", ".join(fields) if fields else "member, role"),
                )
            )
        elif fields and row.fields[-1] not in {"allow", "deny"} and fields[-1] == "eft":
            problems.append(
                _problem(
                    row,
                    f"unknown effect `{row.fields[-1]}`",
                    "write `allow` or `deny`, in small letters",
                )
            )
        checked.append(row)
    problems.extend(_bad_patterns(model, checked))
    if not any(row.kind in model.rules for row in rows) and not problems:
        problems.append(
            Problem(
                where=rows[0].origin.source if rows else "policy",
                message="there is no rule in it",
                hint="add a rule; an empty policy is more likely a lost one",
            )
        )
    if problems:
        raise PolicyError(problems)
    return tuple(checked)


def _bad_patterns(model: Model, rows: Iterable[Row]) -> Iterable[Problem]:
    """Yield the regular expressions that do not compile."""
    compared = {
        match[1]
        for match in re.finditer(r"regexMatch\([^,]+,\s*p\.(\w+)\s*\)", model.matcher)
    }
    fields = model.rules["p"]
    for row in rows:
        if row.kind != "p" or len(row.fields) != len(fields):
            continue
        for name in compared & set(fields):
            pattern = row.fields[fields.index(name)]
            try:
                re.compile(pattern)
            except re.error as error:
                yield _problem(
                    row,
                    f"`{pattern}` is not a regular expression ({error})",
                    "mend it",
                )


def _problem(row: Row, message: str, hint: str) -> Problem:
    return Problem(where=str(row.origin), message=message, hint=hint)


def _grant_rows(model: Model, grants: Iterable[Grant], scope: str) -> Iterable[Row]:
    for grant in grants:
        if model.grants.get("g") == 2:  # noqa: PLR2004 - member and role
            yield Row("g", (grant.member, grant.role), grant.origin)
        elif "g" in model.grants:
            yield Row(
                "g", (grant.member, grant.role, grant.scope or scope), grant.origin
            )


def _closure(
    kind: str, size: int, rows: Iterable[Row]
) -> dict[tuple[str, ...], frozenset[str]]:
    """Return (member, scope...) -> every role reached, by grants of any length."""
    direct: dict[tuple[str, ...], list[str]] = {}
    for row in rows:
        if row.kind == kind:
            member, role, *scope = row.fields[:size]
            direct.setdefault((member, *scope), []).append(role)
    reached = {}
    for key, roles in direct.items():
        found = dict.fromkeys(roles)
        queue = list(found)
        for role in queue:
            for further in direct.get((role, *key[1:]), ()):
                if further not in found:
                    found[further] = None
                    queue.append(further)
        reached[key] = frozenset(found)
    return reached


def _revision(model: Model, rows: Iterable[Row]) -> str:
    digest = hashlib.sha256(model.text.encode())
    for row in rows:
        digest.update("\0".join((row.kind, *row.fields, "\n")).encode())
    return digest.hexdigest()[:12]
