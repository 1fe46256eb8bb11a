"""What lint finds, as values; and the comments that say a finding is meant."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from authz.decision import Grant, Origin, Rule
from authz.errors import Problem
from authz.policy.csv_rows import spell_grant, spell_rule


class Severity(StrEnum):
    """How much a finding matters."""

    #: The policy cannot be used, or gives away the administration.
    ERROR = "error"
    #: It most likely does not do what was meant.
    WARNING = "warning"
    #: Worth knowing.
    NOTE = "note"

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(Severity).index(self)


class Code(StrEnum):
    """The kinds of findings; `MEANINGS` says what each is."""

    POLICY_INVALID = "policy-invalid"
    SPELLING = "spelling"
    RULE_REPEATED = "rule-repeated"
    RULE_SHADOWED = "rule-shadowed"
    RULE_OVERRULED = "rule-overruled"
    DENY_WITHOUT_EFFECT = "deny-without-effect"
    NOT_LOOKED_AT = "not-looked-at"
    RULE_WITHOUT_ROUTE = "rule-without-route"
    ROUTES_OF_DIFFERENT_CLASS = "routes-of-different-class"
    ROLE_WITHOUT_RULES = "role-without-rules"
    ROLE_WITHOUT_MEMBERS = "role-without-members"
    ROLE_CHAIN_LONG = "role-chain-long"
    NAME_NEAR_TWIN = "name-near-twin"
    NAME_MIXED_SCRIPTS = "name-mixed-scripts"
    PATH_TOO_WIDE = "path-too-wide"
    ADMIN_AREA_OPENED = "admin-area-opened"
    UNSAFE_FOR_EVERYONE = "unsafe-for-everyone"
    WAY_IN_DENIED = "way-in-denied"
    OWN_ADDRESS_DENIED = "own-address-denied"
    NO_ADMINISTRATOR = "no-administrator"
    SCOPE_UNKNOWN = "scope-unknown"
    SCOPE_NEAR_TWIN = "scope-near-twin"
    SCOPE_NEVER_MET = "scope-never-met"
    SCOPE_UNDECLARED = "scope-undeclared"
    LINT_COMMENT = "lint-comment"


#: What each kind of finding says, for the reference.
MEANINGS: Final = {
    Code.POLICY_INVALID: "The policy cannot be used as it is.",
    Code.SPELLING: "A spelling that works but is not the plain one.",
    Code.RULE_REPEATED: "The same line is there twice.",
    Code.RULE_SHADOWED: "Another rule, or several together, say the same and more, so "
    "this one changes nothing: proven.",
    Code.RULE_OVERRULED: "Rules that deny leave nothing of this one: proven.",
    Code.DENY_WITHOUT_EFFECT: "A rule denies what nobody is allowed, so it changes "
    "nothing today: proven.",
    Code.NOT_LOOKED_AT: "Rules cross in so many ways that it was not found out whether "
    "some of them change anything.",
    Code.RULE_WITHOUT_ROUTE: "No route of the app is covered by the rule.",
    Code.ROUTES_OF_DIFFERENT_CLASS: "A wide rule covers routes that another line "
    "means for administrators.",
    Code.ROLE_WITHOUT_RULES: "A role is given, but no rule names it.",
    Code.ROLE_WITHOUT_MEMBERS: "Rules name a role that nobody is given.",
    Code.ROLE_CHAIN_LONG: "A role is reached by more grants than Casbin follows; here "
    "it counts.",
    Code.NAME_NEAR_TWIN: "Two names differ so little that one is likely a slip.",
    Code.NAME_MIXED_SCRIPTS: "A name mixes letters of several scripts, so it may look "
    "like another.",
    Code.PATH_TOO_WIDE: "A rule opens every path, those of later routes included.",
    Code.ADMIN_AREA_OPENED: "Somebody who is not an administrator gets into the "
    "administration.",
    Code.UNSAFE_FOR_EVERYONE: "People who have not signed in may do more than look.",
    Code.WAY_IN_DENIED: "A rule denies strangers the sign-in page, or administrators "
    "their pages and the API: nobody could correct the policy.",
    Code.OWN_ADDRESS_DENIED: "A rule denies administrators their pages or the API, or "
    "strangers the style sheet of the sign-in page or the addresses that say that the "
    "app runs.",
    Code.NO_ADMINISTRATOR: "Nobody in this file is an administrator; the settings "
    "must name one.",
    Code.SCOPE_UNKNOWN: "A line names a scope that the app does not know.",
    Code.SCOPE_NEAR_TWIN: "Two scopes differ in upper and lower case only.",
    Code.SCOPE_NEVER_MET: "A role is given in a scope in which no rule of it holds.",
    Code.SCOPE_UNDECLARED: "A rule holds in some scopes only, and no request to its "
    "routes names such a scope.",
    Code.LINT_COMMENT: "A comment for lint that names no finding, or one that "
    "is not there.",
}

_SEVERITIES: Final = {
    Code.POLICY_INVALID: Severity.ERROR,
    Code.ADMIN_AREA_OPENED: Severity.ERROR,
    Code.WAY_IN_DENIED: Severity.ERROR,
    Code.DENY_WITHOUT_EFFECT: Severity.NOTE,
    Code.NOT_LOOKED_AT: Severity.NOTE,
    Code.ROLE_CHAIN_LONG: Severity.NOTE,
    Code.NO_ADMINISTRATOR: Severity.NOTE,
}

_ALLOW: Final = re.compile(r"[ \t]*#[ \t]*lint:[ \t]*allow[ \t]+([\w, \t-]+?)[ \t\r]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing worth a look, where it stands and what to do about it."""

    code: Code
    #: The file, and its line from 1; 0 where it is about the whole file.
    where: Origin
    message: str
    hint: str
    #: The line that it is about, as it is spelled; empty for a whole file.
    text: str = ""

    @classmethod
    def on(cls, line: Rule | Grant, code: Code, message: str, hint: str) -> "Finding":
        """Return a finding about *line* of a policy."""
        text = spell_rule(line) if isinstance(line, Rule) else spell_grant(line)
        return cls(code=code, where=line.origin, message=message, hint=hint, text=text)

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return severity_of(self.code)

    def __str__(self) -> str:
        return f"{self.where}: {self.message}: {self.hint}"


def severity_of(code: Code) -> Severity:
    """Return how much a finding of kind *code* matters."""
    return _SEVERITIES.get(code, Severity.WARNING)


def from_problem(problem: Problem, code: Code) -> Finding:
    """Return *problem* as a finding of kind *code*."""
    source, colon, line = problem.where.rpartition(":")
    where = (
        Origin(source, int(line))
        if colon and line.isascii() and line.isdigit()
        else Origin(problem.where)
    )
    return Finding(code=code, where=where, message=problem.message, hint=problem.hint)


def without_allowed(
    findings: Iterable[Finding], text: str, source: str
) -> Iterator[Finding]:
    """Yield *findings*, but not those that a comment in *text* allows.

    `# lint: allow unsafe-for-everyone` speaks of the next line that is no comment.
    Yields a finding for each such comment that allows nothing.
    """
    allowed: dict[tuple[int, Code], int] = {}
    pending: list[tuple[int, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        found = _ALLOW.fullmatch(line)
        if found:
            words = re.split(r"[,\s]+", found[1].strip(", \t"))
            pending += [(number, word) for word in words]
        elif not line.lstrip(" \t").startswith("#"):
            for comment, word in pending:
                if word in set(Code):
                    allowed[number, Code(word)] = comment
                else:
                    near = get_close_matches(word, list(Code), n=1)
                    yield Finding(
                        code=Code.LINT_COMMENT,
                        where=Origin(source, comment),
                        message=f"`{word}` is not a kind of finding",
                        hint=f"did you mean `{near[0]}`?" if near else "remove it",
                    )
            pending = []
    used = set()
    for finding in findings:
        key = finding.where.line, finding.code
        if finding.where.source == source and key in allowed:
            used.add(key)
        else:
            yield finding
    for (line_number, code), comment in allowed.items():
        if (line_number, code) not in used:
            yield Finding(
                code=Code.LINT_COMMENT,
                where=Origin(source, comment),
                message=f"there is no finding `{code}` to allow on line {line_number}",
                hint="remove the comment",
            )
