"""pycasbin: the reference that the compiled policy is held to, and the fallback.

The only module that runs an enforcer.
"""

import ast
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

import casbin
from casbin import util
from casbin.model import Model as CasbinModel
from casbin.persist import Adapter
from casbin.rbac.default_role_manager import RoleManager
from casbin.util.expression import SimpleEval

from authz.decision import AccessRequest, Policy
from authz.policy.parsing import parse_expression
from authz.policy.patterns import CASBIN_FUNCTIONS
from authz.policy.scan import telling_scopes
from authz.scope import scope_match, texts_of

#: The subject that stands for all names of the one who asks. No policy can name it.
ASKER: Final = "\x00asker"
#: Role chains may be of any length; pycasbin wants a number.
_ANY_DEPTH: Final = 1_000_000

Ask = Callable[..., tuple[bool, list[str]]]


def oracle(policy: Policy, model: str) -> Callable[[AccessRequest], bool]:
    """Return what stock pycasbin answers to questions about *policy*.

    Stock but for our two functions, which are ordinary custom functions, and the depth
    limit. Each question gets links of a throw-away subject and an enforcer of its own
    for each set of names, because an enforcer keeps every name it was ever asked.
    """
    rows = [("p", rule.fields) for rule in policy.deciding]
    rows += [("g", grant.fields) for grant in policy.grants]
    enforcers: dict[frozenset[str], casbin.Enforcer] = {}

    def ask(request: AccessRequest) -> bool:
        names = request.subject.names
        enforcer = enforcers.get(names)
        if enforcer is None:
            everywhere = ("*",) if policy.scoped else ()
            links = [("g", (ASKER, name, *everywhere)) for name in sorted(names)]
            with _loggers_untouched():
                enforcer = casbin.Enforcer(_model(model), _Rows([*rows, *links]))
            enforcer.logger = _silent()
            enforcer.get_role_manager().max_hierarchy_level = _ANY_DEPTH
            for name, function in CASBIN_FUNCTIONS.items():
                enforcer.add_function(name, function)
            if policy.scoped:
                enforcer.add_named_domain_matching_func("g", scope_match)
            enforcers[names] = enforcer
        if not policy.scoped:
            return bool(enforcer.enforce(ASKER, request.path, request.method))
        about = request.scope
        # What "several" and "none in particular" mean is no question to an enforcer.
        every = telling_scopes(policy) if about is None else texts_of(about)
        answers = (
            bool(enforcer.enforce(ASKER, scope, request.path, request.method))
            for scope in every
        )
        return any(answers) if about is None else all(answers)

    return ask


def pure_enforcer(
    model: str,
    rows: Iterable[tuple[str, tuple[str, ...]]],
    links: Mapping[str, Any],
    functions: Mapping[str, Callable[..., Any]],
) -> Ask:
    """Return `enforce_ex` of an enforcer that questions cannot change.

    *links* answer for the role definitions instead of pycasbin's role managers, which
    keep the names they are asked about. The matcher is parsed here. So any number of
    threads may ask at once, and no answer depends on what was asked before.
    """
    with _loggers_untouched():
        enforcer = _PureEnforcer(_model(model), _Rows(rows))
    enforcer.logger = _silent()
    for name, function in functions.items():
        enforcer.add_function(name, function)
    for name, link in links.items():
        enforcer.model["g"][name].rm = link
    enforcer.parse()
    return enforcer.enforce_ex  # type: ignore[no-any-return]


class Links(RoleManager):  # type: ignore[misc]
    """Who has which role, in which scope. Unlike pycasbin's, asking leaves no trace."""

    def __init__(self, reached: Mapping[tuple[str, ...], frozenset[str]]) -> None:
        """Answer from *reached*: (name, scope...) -> the roles it leads to."""
        super().__init__()
        self._reached = reached

    def has_link(self, name1: str | frozenset[str], name2: str, *domain: str) -> bool:
        """Return whether *name1*, or one of its names, is *name2* or holds it."""
        if isinstance(name1, frozenset):
            return any(self.has_link(name, name2, *domain) for name in name1)
        return name1 == name2 or name2 in self._reached.get((name1, *domain), ())


class _PureEnforcer(casbin.Enforcer):  # type: ignore[misc]
    _parsed: dict[str, ast.expr]

    def parse(self) -> None:
        """Parse the matcher, for each rule where it is made of what a rule says."""
        matcher = self.model["m"]["m"].value
        if not util.has_eval(matcher):
            self._expression(matcher)
            return
        named = util.get_eval_value(matcher)
        fields = self.model["p"]["p"].tokens
        for row in self.model["p"]["p"].policy:
            said = dict(zip(fields, row, strict=False))
            rules = [util.escape_assertion(said.get(name, "")) for name in named]
            with suppress(SyntaxError):  # requests that this rule is asked are denied
                self._expression(util.replace_eval(matcher, rules))

    def _expression(self, text: str) -> ast.expr:
        parsed = self.__dict__.setdefault("_parsed", {})
        known = parsed.get(text)
        if known is None:
            plain = text.replace("&&", "and").replace("||", "or")
            known = parsed[text] = parse_expression(
                re.sub(r"!(?!=)", "not ", plain)  # as pycasbin does
            )
        return known  # type: ignore[no-any-return]

    def _get_expression(self, expr: str, functions: Any = None) -> SimpleEval:
        # pycasbin parses the matcher anew for each question.
        expression = SimpleEval("", functions)
        expression.expr = expr
        expression.ast_parsed_value = self._expression(expr)
        return expression


class _Rows(Adapter):  # type: ignore[misc]
    """Hands rows to a model as they are; nothing is read as text again."""

    def __init__(self, rows: Iterable[tuple[str, tuple[str, ...]]]) -> None:
        self._rows = tuple(rows)

    def load_policy(self, model: CasbinModel) -> None:
        for kind, fields in self._rows:
            model.model[kind[0]][kind].policy.append(list(fields))


def _model(text: str) -> CasbinModel:
    return casbin.Enforcer.new_model(text=text)


def _silent() -> logging.Logger:
    """Return a logger that says nothing: pycasbin logs each request as it came."""
    logger = logging.Logger("authz.silent")  # noqa: LOG001 - nobody else may get at it
    logger.disabled = True
    return logger


@contextmanager
def _loggers_untouched() -> Iterator[None]:
    """Let the host's loggers be: making an enforcer disables pycasbin's."""
    loggers = [
        logging.getLogger(name)
        for name in ("casbin", "casbin.enforcer", "casbin.policy", "casbin.role")
    ]
    before = [logger.disabled for logger in loggers]
    yield
    for logger, disabled in zip(loggers, before, strict=True):
        logger.disabled = disabled
