"""A policy: rules, grants and what must hold for all of them together."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import chain
from types import MappingProxyType
from typing import Final, TypeVar

from authz.decision import (
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    PLAIN_COLUMNS,
    Effect,
    Grant,
    Origin,
    Policy,
    Rule,
    closure,
    grants_by_member,
    has_scope,
)
from authz.errors import InvalidValue, PolicyError, Problem
from authz.names import name_problem
from authz.policy.csv_rows import Row
from authz.policy.pacing import let_go, paced
from authz.policy.patterns import METHODS, Methods, PathPattern
from authz.policy.said import revision_of, said_line, said_text
from authz.scope import ANY_SCOPE, pattern_problem

#: The role that must always be in somebody's hands.
ADMIN = "role:admin"
MAX_RULES = 1_000_000

#: Held by nature, never by grant.
_GIVEN = frozenset({EVERYONE, AUTHENTICATED})
#: Who must never hold `role:admin`, as people call them.
_OPENERS = {
    EVERYONE: "anybody",
    ANONYMOUS_METHOD: "anybody",
    AUTHENTICATED: "everybody who signs in",
}
#: What fields are called in models, and above the columns of a spreadsheet.
_HEADING: Final = frozenset(
    {
        *("sub", "subject", "user", "role", "dom", "domain", "scope"),
        *("obj", "object", "path", "resource", "act", "action", "method"),
        *("eft", "effect", "priority"),
    }
)
_EFFECTS = {str(effect): effect for effect in Effect}
_Held = TypeVar("_Held", Rule, Grant)
_NOTHING: Final[Mapping[int, Rule]] = MappingProxyType({})


def nothing_allowed() -> Policy:
    """Return the policy that allows nobody anything, for where there is none."""
    return Policy(rules=(), grants=(), revision=revision_of(b""))


def policy_from_rows(  # noqa: PLR0913 - what a policy is made of
    rows: Iterable[Row],
    *,
    rules: Iterable[Rule] = (),
    grants: Iterable[Grant] = (),
    source: str = "policy",
    partial: bool = False,
    columns: Sequence[str] = PLAIN_COLUMNS,
    known: Mapping[int, Rule] = _NOTHING,
) -> Policy:
    """Build the policy that *rows* and further *rules* and *grants* make.

    Those come from settings, and from authz itself.

    *partial* says that the settings are not known here, so nobody need hold
    `role:admin` yet. *columns* are those of a rule but for its effect, as the model has
    them; where rows name a scope, what holds beside them holds in every scope.

    *known* are rules that were made of some of the very same rows before, by the `id`
    of the row: they are the same objects again.

    Raises `PolicyError` with every problem found. Nothing is skipped.
    """
    reader = _RowReader(columns, known)
    scoped = reader.scoped
    rules, grants = tuple(rules), tuple(grants)
    if scoped:
        rules, grants = _everywhere(rules), _everywhere(grants)
    for row in paced(rows):
        reader.read(row)
    said = reader.said(grants)
    reader.grants.extend(grants)
    reader.check_size(source)
    by_member = grants_by_member(paced(reader.grants))
    if not reader.problems:
        reader.problems.extend(_cycles(reader.grants, by_member))
    if not reader.problems:
        reader.problems.extend(
            _admin_problems(reader.rules, reader.grants, by_member, scoped=scoped)
        )
    if reader.problems:
        raise PolicyError(reader.problems)
    return Policy(
        rules=tuple(reader.rules),
        built_in=tuple(rules),
        grants=tuple(reader.grants),
        columns=tuple(columns),
        revision=revision_of(said),
        said=said,
        warnings=tuple(
            chain(
                reader.warnings,
                _nobody_administers(reader, partial=partial, scoped=scoped),
                _unused_roles(reader.rules, reader.grants),
                _admins_by_sign_in(by_member),
            )
        ),
    )


def _everywhere(held: "Iterable[_Held]") -> "tuple[_Held, ...]":
    """Return *held* in every scope, but for what names one."""
    return tuple(e if e.scope else replace(e, scope=ANY_SCOPE) for e in held)


def row_problems(
    row: Row, columns: Sequence[str] = PLAIN_COLUMNS
) -> tuple[Problem, ...]:
    """Return what is wrong with *row* by itself, whatever else the policy says."""
    reader = _RowReader(columns)
    reader.read(row)
    return tuple(reader.problems)


def sound_row(row: Row, columns: Sequence[str], *, scope: str) -> Row:
    """Return *row*, which is to hold in *scope*.

    *columns* are those of the policy. One with scopes needs a scope, and no other has
    one: none is guessed, and none is left out.

    Raises:
        PolicyError: with everything that is wrong with it by itself.
    """
    problems = [*row_problems(row, columns)]
    if scope and not has_scope(columns):
        problems.append(
            Problem(
                where=str(row.origin),
                message="it names a scope, and this policy has none",
                hint="leave the scope out, or turn the policy into one with scopes: "
                "`authz scope add`",
            )
        )
    if problems:
        raise PolicyError(problems)
    return row


def rules_alone(
    rows: Iterable[Row], columns: Sequence[str], *, known: Mapping[int, Rule]
) -> tuple[Rule, ...] | None:
    """Return the rules that *rows* are; None if something is odd about one of them.

    For *columns* and *known* see `policy_from_rows`.
    """
    reader = _RowReader(columns, known)
    for row in rows:
        reader.read(row)
    if reader.problems or reader.warnings:
        return None
    return tuple(reader.rules)


def without_scope(row: Row) -> tuple[tuple[str, ...], str]:
    """Return the fields of *row* without its scope pattern, and that; empty if none.

    A path begins with `/`, which no scope does; a grant has no third field but it.
    """
    at = 1 if row.kind == "p" else 2
    if len(row.fields) <= at or (row.kind == "p" and row.fields[at][:1] in {"/", ""}):
        return row.fields, ""
    if pattern_problem(row.fields[at]):
        return row.fields, ""  # of another model
    return (*row.fields[:at], *row.fields[at + 1 :]), row.fields[at]


def _is_scope(path: str, method: str) -> bool:
    """Whether a rule has a scope where its path should be, and the path after it."""
    return ":" in path and path[0] not in "/:" and method.startswith("/")


#: What people call the columns of a rule.
_SPELLED: Final = {"sub": "subject", "dom": "scope", "obj": "path", "act": "method"}


class _RowReader:
    """Turns rows into rules and grants, and keeps every problem."""

    def __init__(
        self, columns: Sequence[str], known: Mapping[int, Rule] = _NOTHING
    ) -> None:
        self._columns = columns
        self.scoped = has_scope(columns)
        self._known = known
        #: What a line has that holds in every scope, before what is behind it.
        self._everywhere = f"{ANY_SCOPE}, " if self.scoped else ""
        self._good_scopes: set[str] = set()
        self.rules: list[Rule] = []
        self.grants: list[Grant] = []
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self._seen: dict[str, Origin] = {}
        #: Every rule and grant as a line that is the same wherever it stands.
        self._said: dict[str, list[str]] = {"p": [], "g": []}
        self._good_names: set[str] = set()
        self._good_paths = {rule.path for rule in known.values()}
        self._methods: dict[str, frozenset[str]] = {}

    def read(self, row: Row) -> None:
        if row.kind == "p":
            self._rule(row)
        elif row.kind == "g":
            self._grant(row)
        else:
            self._problem(
                row.origin,
                f"unknown line type `{row.kind}`",
                "begin the line with `p` (rule), `g` (grant) or `#` (comment)",
            )

    def check_size(self, source: str) -> None:
        if not self.rules and not self.problems:
            self._problem(
                Origin(source),
                "there is no rule in it",
                f"add a line such as `p, role:user, {self._everywhere}/map, GET`; "
                "a policy without rules refuses everybody",
            )
        if len(self.rules) > MAX_RULES:
            self._problem(
                Origin(source),
                f"there are {len(self.rules)} rules",
                f"use at most {MAX_RULES}",
            )

    def _rule(self, row: Row) -> None:
        known = self._known.get(id(row))
        if known is not None and _is_spelled(known, row):
            self._note(row.origin, "p", known.fields)
            self.rules.append(known)
            return
        least = len(self._columns)
        if not least <= len(row.fields) <= least + 1:
            spelled = ", ".join(_SPELLED[name] for name in self._columns)
            rest = (field.upper() for field in row.fields[least - 1 :])
            joined = "|".join(field for field in rest if field in METHODS)
            self._problem(
                row.origin,
                f"a rule has {least} or {least + 1} fields after `p`, "
                f"this one has {len(row.fields)}",
                "remove the empty fields at the end"
                if row.fields and not row.fields[-1]
                else f"join the methods: `{joined}`"
                if "|" in joined
                else f"write `p, {spelled}` and, if you want, `, deny`",
            )
            return
        scope = ""
        if self.scoped:
            subject, scope, path, method = row.fields[:4]
            scope = self._scope(row.origin, scope)
        else:
            subject, path, method = row.fields[:3]
        if subject not in self._good_names:
            if _HEADING.issuperset(map(str.lower, row.fields)):
                self._problem(
                    row.origin,
                    "this is the heading line of a table of rules",
                    "remove it, or put `#` in front of it",
                )
                return
            subject = self._name(row.origin, subject)
        if path not in self._good_paths and not self._path(row.origin, path, method):
            return
        methods = self._methods.get(method)
        if methods is None:
            methods = self._methods_of(row.origin, method)
        effect = row.fields[least] if len(row.fields) > least else "allow"
        known_effect = _EFFECTS.get(effect)
        if known_effect is None:
            self._problem(
                row.origin,
                f"unknown effect `{effect}`",
                f"join the methods: `{method}|{effect.upper()}`"
                if effect.upper() in METHODS
                else "write `allow` or `deny`, in small letters, or leave the field "
                "and its comma out",
            )
            return
        rule = known or Rule(
            subject=subject,
            path=path,
            methods=methods,
            effect=known_effect,
            origin=row.origin,
            scope=scope,
        )
        self._note(row.origin, "p", rule.fields)
        self.rules.append(rule)

    def _path(self, origin: Origin, path: str, method: str) -> bool:
        """Note what is wrong with *path*; return whether the other fields count."""
        problem = PathPattern.problem(path)
        if problem and not self.scoped and _is_scope(path, method):
            self._problem(
                origin,
                f"`{path}` is a scope, and the policy has none",
                "leave it out, or turn the policy into one with scopes: "
                "`authz scope add`",
            )
            return False
        if problem:
            self.problems.append(problem.at(origin))
        else:
            self._good_paths.add(path)
        return True

    def _grant(self, row: Row) -> None:
        size = 3 if self.scoped else 2
        if len(row.fields) != size:
            where = ", *` for every scope" if self.scoped else "`"
            self._problem(
                row.origin,
                f"a grant has {size} fields after `g`, this one has {len(row.fields)}",
                "remove the empty fields at the end"
                if row.fields and not row.fields[-1]
                else f"write `g, user:alice, role:user{where}",
            )
            return
        member, role = row.fields[:2]
        if member not in self._good_names:
            member = self._name(row.origin, member)
        if role not in self._good_names:
            role = self._name(row.origin, role)
        scope = self._scope(row.origin, row.fields[2]) if self.scoped else ""
        grant = Grant(member=member, role=role, origin=row.origin, scope=scope)
        if role and not role.startswith("role:"):
            self._problem(
                row.origin,
                f"`{role}` is given to `{member}`, but only a role can be given",
                "write the member first and a `role:` last",
            )
        elif role in _GIVEN:
            self._problem(
                row.origin,
                f"`{role}` is given to `{member}`, but it cannot be given",
                "remove the line; people have this name automatically",
            )
        self._note(row.origin, "g", grant.fields)
        self.grants.append(grant)

    def _name(self, origin: Origin, name: str) -> str:
        normal = unicodedata.normalize("NFC", name)
        problem = name_problem(normal)
        if problem:
            self.problems.append(problem.at(origin))
            return ""
        if normal != name:
            self._warning(
                origin,
                f"`{name}` is written with combining characters",
                "type it with composed letters (Unicode NFC); it is read that way",
            )
        else:
            self._good_names.add(name)
        return normal

    def _scope(self, origin: Origin, scope: str) -> str:
        if scope not in self._good_scopes:
            problem = pattern_problem(scope)
            if problem:
                self.problems.append(problem.at(origin))
                return ANY_SCOPE  # it is reported; what follows needs one
            self._good_scopes.add(scope)
        return scope

    def _methods_of(self, origin: Origin, field: str) -> frozenset[str]:
        try:
            methods = Methods.parse(field)
        except InvalidValue as error:
            self.problems.append(error.problem.at(origin))
            return frozenset()
        self._methods[field] = methods.names
        if "(" in field:
            self._warning(
                origin,
                f"`{field}` is spelled for Casbin's regexMatch",
                f"write `{methods}`",
            )
        return methods.names

    def _note(self, origin: Origin, kind: str, fields: tuple[str, ...]) -> None:
        line = said_line(kind, fields)
        self._said[kind].append(line)
        first = self._seen.setdefault(line, origin)
        if first is not origin:
            self._warning(
                origin,
                f"repeats line {first.line}",
                "remove one of the two lines",
                code="rule-repeated",
            )

    def said(self, further: Iterable[Grant]) -> bytes:
        """Return what was read, and *further* grants, as a text.

        It frees what is only of use until then.
        """
        lines = self._said.pop("p") + self._said.pop("g")
        lines += [said_line("g", grant.fields) for grant in further]
        self._seen.clear()
        text = said_text(lines)
        let_go(lines)
        return text

    def _problem(self, origin: Origin, message: str, hint: str) -> None:
        self.problems.append(Problem(where=str(origin), message=message, hint=hint))

    def _warning(
        self, origin: Origin, message: str, hint: str, *, code: str = "spelling"
    ) -> None:
        self.warnings.append(
            Problem(where=str(origin), message=message, hint=hint, code=code)
        )


def _is_spelled(rule: Rule, row: Row) -> bool:
    """Whether *row*, which *rule* was made of, is spelled as nobody is warned of."""
    method = row.fields[3 if rule.scope else 2]
    return rule.subject == row.fields[0] and "(" not in method


def _cycles(
    grants: Sequence[Grant], by_member: Mapping[str, Sequence[Grant]]
) -> Iterator[Problem]:
    """Yield one problem for each circle of roles (Kahn: what cannot be peeled off)."""
    holders = dict.fromkeys((grant.role for grant in grants), 0)
    for grant in paced(grants):
        holders[grant.role] += 1
    free = [member for member in by_member if member not in holders]
    for member in paced(free):
        for grant in by_member.get(member, ()):
            holders[grant.role] -= 1
            if not holders[grant.role]:
                free.append(grant.role)
    left = {role for role, count in holders.items() if count}
    while left:
        walk: dict[str, Grant] = {}
        name = next(iter(left))
        while name not in walk:
            step = next((g for g in by_member.get(name, ()) if g.role in left), None)
            if step is None:
                break
            walk[name] = step
            name = step.role
        if name in walk:
            ring = [walk[name]]
            while ring[-1].role != name:
                ring.append(walk[ring[-1].role])
            yield Problem(
                where=str(ring[-1].origin),
                message="roles go in a circle: "
                + " -> ".join([name, *(grant.role for grant in ring)]),
                hint="remove one of the lines "
                + ", ".join(str(grant.origin) for grant in ring),
            )
        left.difference_update(walk, {name})


def _admin_problems(
    rules: Sequence[Rule],
    grants: Sequence[Grant],
    by_member: Mapping[str, Sequence[Grant]],
    *,
    scoped: bool,
) -> Iterator[Problem]:
    """Yield a problem when everybody could administer, or administrators do nothing."""
    for opener, who in _OPENERS.items():
        path = closure([opener], by_member).get(ADMIN)
        if path:
            yield Problem(
                where=str(path[0].origin),
                message=f"`{opener}` would hold `{ADMIN}`: {who} could administer",
                hint=f"remove the line, or give `{opener}` another role",
            )
    given = next((grant for grant in grants if grant.role == ADMIN), None)
    if given is not None and not _opened_to_admins(rules):
        yield Problem(
            where=str(given.origin),
            message=f"`{ADMIN}` is given to `{given.member}`, "
            "but no rule allows it anything",
            hint=f"add `p, {ADMIN}, {'*, ' if scoped else ''}/*, *`, "
            "or do not give the role",
        )


def _opened_to_admins(rules: Iterable[Rule]) -> list[Rule]:
    return [r for r in rules if r.subject == ADMIN and r.effect is Effect.ALLOW]


def _is_held(role: str, grants: Iterable[Grant]) -> bool:
    """Whether a grant, however indirectly, gives *role* to what is no role itself."""
    members: dict[str, list[str]] = {}
    for grant in paced(grants):
        members.setdefault(grant.role, []).append(grant.member)
    queue, seen = [role], {role}
    for each in queue:
        for member in members.get(each, ()):
            if not member.startswith("role:"):
                return True
            if member not in seen:
                seen.add(member)
                queue.append(member)
    return False


def _nobody_administers(
    reader: _RowReader, *, partial: bool, scoped: bool
) -> Iterator[Problem]:
    """Yield why what is said of administrators makes nobody one, of the whole.

    An administrator within one scope could not mend what is wrong outside of it. It is
    told and not refused: whether somebody who could administer no more can is asked
    where people are known, of every change.
    """
    opened = _opened_to_admins(reader.rules)
    if not opened:
        return
    if scoped and not any(rule.scope == ANY_SCOPE for rule in opened):
        yield Problem(
            where=str(opened[0].origin),
            message=f"no rule allows `{ADMIN}` anything in every scope",
            hint=f"add `p, {ADMIN}, *, /*, *`; an administrator of one scope does not "
            "administer everything",
        )
    elif not partial and not _is_held(
        ADMIN, (g for g in reader.grants if not scoped or g.scope == ANY_SCOPE)
    ):
        yield Problem(
            where=str(opened[0].origin),
            message=f"there are rules for `{ADMIN}`, but nobody can use them"
            + (" in every scope" if scoped else ""),
            hint=f"add `g, user:<you>, {ADMIN}{', *' if scoped else ''}`, "
            "or set AUTHZ_ADMIN and AUTHZ_ADMIN_PASSWORD",
        )


def _admins_by_sign_in(
    by_member: Mapping[str, Sequence[Grant]],
) -> Iterator[Problem]:
    """Yield the ways of signing in that make an administrator of whoever uses them."""
    for member, given in by_member.items():
        if member.startswith("auth:") and given[0].origin.line:
            path = closure([member], by_member).get(ADMIN)
            if path:
                yield Problem(
                    where=str(path[0].origin),
                    code="admin-area-opened",
                    message=f"everybody who signs in with `{member}` holds `{ADMIN}`",
                    hint="give it to people or groups, unless each of them is meant",
                )


def _unused_roles(rules: Sequence[Rule], grants: Sequence[Grant]) -> Iterator[Problem]:
    ruled = {rule.subject for rule in rules}
    inherited = {grant.member for grant in grants}
    for grant in grants:
        if grant.role not in ruled and grant.role not in inherited:
            near = get_close_matches(grant.role, ruled, n=1)
            yield Problem(
                where=str(grant.origin),
                code="role-without-rules",
                message=f"no rule names `{grant.role}`",
                hint=f"did you mean `{near[0]}`?" if near else "add a rule for it",
            )
