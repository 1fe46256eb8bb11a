"""A rule as somebody writes it: what pages, API and stores hand to each other.

A `Rule` is sound; this need not be yet. Its fields are those of a rule in the API and
in forms, by the same names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from authz.decision import PLAIN_COLUMNS, Effect, Origin, Rule, has_scope
from authz.errors import InvalidValue, Problem
from authz.names import name_problem
from authz.policy.csv_rows import Row
from authz.policy.patterns import Methods, PathPattern
from authz.policy.rules import sound_row, without_scope
from authz.scope import pattern_problem

_NEW: Final = Origin("the rule")
_NO_METHOD: Final = Problem(message="no method is chosen", hint="choose one")
_NO_EFFECT: Final = Problem(
    message="it is not said what the rule does", hint="choose one"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRule:
    """What a rule says, each field as text."""

    subject: str = ""
    path: str = ""
    #: Upper-case method names, or `*` alone. Their order does not matter.
    methods: tuple[str, ...] = ("*",)
    effect: str = Effect.ALLOW
    #: The scope pattern in which it holds; empty in a policy without scopes.
    scope: str = ""

    @classmethod
    def of_row(cls, row: Row, **more: Any) -> Self:
        """Return the rule that *row* is; what is missing in it is empty.

        *more* is what a kind of rules says besides.
        """
        said, scope = without_scope(row)
        subject, path, methods, *effect = (*said, *("", "", "")[len(said) :])
        return cls(
            subject=subject,
            path=path,
            methods=tuple(methods.split("|")),
            effect=effect[0] if effect else Effect.ALLOW,
            scope=scope,
            **more,
        )

    @classmethod
    def of(cls, said: Mapping[str, Any], **more: Any) -> Self:
        """Return the rule that *said* tells by the names of its fields, and *more*.

        Other names are left alone.
        """
        told = {each.name: said[each.name] for each in fields(cls) if each.name in said}
        return cls(**{**told, **more})

    @property
    def document(self) -> dict[str, Any]:
        """What it says by the names of its fields, as the API shows it."""
        return {each.name: getattr(self, each.name) for each in fields(WrittenRule)}

    @property
    def method_field(self) -> str:
        """The methods as they are written, in one field."""
        return "|".join(self.methods)

    def allows_in(self, scope: str) -> bool:
        """Return whether it allows in the pattern *scope*, not more and not less."""
        return self.effect == Effect.ALLOW and self.scope == scope

    def problems(self, columns: Sequence[str]) -> dict[str, Problem | None]:
        """Return what is wrong with each field; None with what is sound."""
        return {
            "subject": name_problem(self.subject),
            "scope": pattern_problem(self.scope) if has_scope(columns) else None,
            "path": PathPattern.problem(self.path),
            "methods": None if self.methods else _NO_METHOD,
            "effect": None if self.effect in set(Effect) else _NO_EFFECT,
        }

    def row(self, columns: Sequence[str] = PLAIN_COLUMNS) -> Row:
        """Return its row; *columns* and what it raises are as in `sound_row`."""
        said = {
            "sub": self.subject,
            "dom": self.scope,
            "obj": self.path,
            "act": "|".join(sorted(set(self.methods))),
        }
        effect = () if self.effect == Effect.ALLOW else (self.effect,)
        row = Row("p", (*(said[name] for name in columns), *effect), _NEW)
        return sound_row(row, columns, scope=self.scope)

    def as_rule(self, origin: Origin) -> Rule:
        """Return the rule that it is, for showing it, written at *origin*."""
        try:
            methods = Methods.parse(self.method_field).names
        except InvalidValue:
            methods = frozenset()
        return Rule(
            subject=self.subject,
            path=self.path,
            methods=methods,
            effect=Effect.DENY if self.effect == Effect.DENY else Effect.ALLOW,
            origin=origin,
            scope=self.scope,
        )
