"""From files to a policy in force: compiled if it can be, else handed to pycasbin."""

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from authz.decision import Grant, PolicyInForce, Rule
from authz.errors import PolicyError, Problem
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import Row, read_rows
from authz.policy.few_changes import changed_policy
from authz.policy.model import Model, read_model, why_not_compiled
from authz.policy.pacing import paced
from authz.policy.rules import policy_from_rows
from authz.policy.scoped import ScopedPolicy

#: A grant that names no scope: a member and a role.
_PLAIN_GRANT: Final = 2
#: So many objects a host that froze what it forks with has frozen at least (an imported
#: Flask alone makes 29 000). CPython 3.12 freezes 375 of its own at its start.
_FORKED: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltPolicy:
    """A policy that is ready to answer, and what is odd about it."""

    policy: PolicyInForce
    warnings: tuple[Problem, ...]
    #: What it was made of, grants of the settings left out.
    rows: tuple[Row, ...]
    #: What a problem with the whole of it names.
    source: str
    #: The texts that the model itself speaks of, where pycasbin answers for it.
    literals: tuple[str, ...] = ()
    #: Why it must not be in force: how its model lets in whom no rule names.
    openings: tuple[Problem, ...] = ()
    #: All that it was made of beside its rows, if it is compiled.
    beside: object = None

    def rules_by_row(self) -> dict[int, Rule]:
        """Return what each row that is a rule became, by the `id` of the row."""
        written = self.policy.written
        rows = (row for row in self.rows if row.kind == "p")
        rules = written.rules if written else ()
        both = zip(paced(rows), rules, strict=False)
        return {id(row): rule for row, rule in both}


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the garbage collector from walking the half-built policy again and again.

    Nothing that is built refers to itself, so there is nothing for it to find. What is
    built goes to the oldest generation at once: looking at all of it, as the collector
    would do the moment it is switched on again, would hold every other thread up.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            # More is what the host froze to fork with: that stays.
            if gc.get_freeze_count() < _FORKED:
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def build_policy(  # noqa: PLR0913 - what a policy is made of
    model: str,
    data: bytes,
    *,
    rules: Iterable[Rule] = (),
    grants: Iterable[Grant] = (),
    model_source: str = "model.conf",
    policy_source: str = "policy.csv",
    partial: bool = False,
) -> BuiltPolicy:
    """Build the policy that the text of a *model* and the bytes of a policy file make.

    *rules* and *grants* hold beside those of the file; *partial* says that they are
    not all known here. The sources are what problems and origins name.

    Raises:
        PolicyError: with every problem found.
    """
    with collector_paused():
        read = read_rows(data, source=policy_source)
        built = build_from_rows(
            model,
            read.rows,
            rules=rules,
            grants=grants,
            model_source=model_source,
            policy_source=policy_source,
            partial=partial,
        )
        return replace(built, warnings=read.warnings + built.warnings)


@collector_paused()
def build_from_rows(  # noqa: PLR0913 - what a policy is made of
    model: str,
    rows: Iterable[Row],
    *,
    rules: Iterable[Rule] = (),
    grants: Iterable[Grant] = (),
    model_source: str = "model.conf",
    policy_source: str = "policy",
    partial: bool = False,
    before: BuiltPolicy | None = None,
) -> BuiltPolicy:
    """Build the policy that the text of a *model* and *rows* make.

    As `build_policy` does, for rows that do not come from the bytes of one file. What
    was made *before*, of most of these rows and the same model, is not made again.
    """
    rows, rules, grants = tuple(rows), tuple(rules), tuple(grants)
    beside = model, rules, grants, model_source, policy_source, partial
    if before is not None and before.beside == beside:
        found = _changed(before, rows)
        if found is not None:
            return found
    definition = read_model(model, source=model_source)
    why = why_not_compiled(definition)
    _refuse_idle_scopes(definition, grants)
    if why is None:
        policy = policy_from_rows(
            rows,
            rules=rules,
            grants=grants,
            source=policy_source,
            partial=partial,
            columns=definition.columns,
            known=before.rules_by_row() if before else {},
        )
        return BuiltPolicy(
            policy=ScopedPolicy(policy) if policy.scoped else CompiledPolicy(policy),
            warnings=policy.warnings,
            rows=rows,
            source=policy_source,
            beside=beside,
        )
    from authz.policy.casbin_engine import CasbinPolicy, asks_for_one_name, cannot_ask
    from authz.policy.matcher_gaps import matcher_gap
    from authz.policy.never import literals_of, missing_attributes, never_matching

    problem = cannot_ask(definition)
    if problem is not None:
        raise PolicyError([problem])
    missing = missing_attributes(definition, rows)
    if missing:
        raise PolicyError(missing)
    warning = Problem(
        where=model_source,
        message=f"pycasbin itself answers for this model, because {why}"
        + (
            "; only the identifying name of a subject is asked about, not its groups"
            if asks_for_one_name(definition)
            else ""
        ),
        hint="expect milliseconds for each request, more with more rules",
    )
    general = CasbinPolicy(definition, rows, rules=rules, grants=grants)
    gap = matcher_gap(definition, rows, grants, source=model_source)
    told = () if gap is None else (gap.problem,)
    refused = gap is not None and gap.is_refused
    return BuiltPolicy(
        policy=general,
        warnings=(
            warning,
            *never_matching(definition, rows, grants),
            *(() if refused else told),
        ),
        rows=rows,
        source=policy_source,
        literals=literals_of(definition),
        openings=told if refused else (),
    )


def _changed(before: BuiltPolicy, rows: tuple[Row, ...]) -> BuiltPolicy | None:
    """Return the policy of *rows*, made of the one *before*, if few rules differ."""
    known = before.policy
    if not isinstance(known, CompiledPolicy | ScopedPolicy):
        return None
    changed = changed_policy(known.written, before.rows, rows)
    if changed is None:
        return None
    return BuiltPolicy(
        policy=known.changed(changed),
        warnings=changed.policy.warnings,
        rows=rows,
        source=before.source,
        beside=before.beside,
    )


def _refuse_idle_scopes(model: Model, grants: Iterable[Grant]) -> None:
    """Refuse *grants* of settings in some scopes, where each would hold in all."""
    if model.is_scoped or model.grants.get("g", 0) > _PLAIN_GRANT:
        return
    problems = [
        Problem(
            where=str(grant.origin),
            message=f"it gives `{grant.role}` in `{grant.scope}`, and the policy has "
            "no scopes",
            hint="leave the scope out, or turn the policy into one with scopes: "
            "`authz scope add`",
        )
        for grant in grants
        if grant.scope
    ]
    if problems:
        raise PolicyError(problems)
