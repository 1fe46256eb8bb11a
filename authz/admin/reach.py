"""How far somebody administers: everything, or some scopes of a policy with scopes.

Who administers one library may give roles within it, to others, and sees its people,
rules and audit. Everything else is for those who administer the whole, and is asked
about `WHOLE`; see `authz.web.own_scopes`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from authz.admin.context import Actor, AdminContext
from authz.decision import AccessRequest, PolicyInForce, Subject, whole_of
from authz.errors import BeyondReach
from authz.identity.break_glass import METHOD as BREAK_GLASS
from authz.policy.csv_rows import Row
from authz.policy.own_paths import API, PAGES
from authz.policy.records import Entry
from authz.scope import EVERYWHERE, ScopeSet


def reach_of(context: AdminContext, actor: Actor) -> ScopeSet:
    """Return the scopes that *actor* administers; every one for who has the whole."""
    policy = context.policy
    if (
        actor.on_the_host
        or actor.subject.source == BREAK_GLASS
        or whole_of(policy) is None
        or context.runtime.open_to_everyone
    ):
        return EVERYWHERE
    prefix, own = context.settings.url_prefix, context.settings.own_scope
    found = ScopeSet()
    for method, path in (API[-1], PAGES[-1]):
        asked = AccessRequest(
            subject=actor.subject,
            path=prefix + path,
            method=method,
            scope=whole_of(policy, own),
        )
        if policy.decide(asked):
            return EVERYWHERE
        found = found or policy.scopes(actor.subject, prefix + path, method)
    return found


def refuse_beyond(
    context: AdminContext,
    actor: Actor,
    before: Iterable[Entry],
    after: Iterable[Entry],
    policy: PolicyInForce,
) -> None:
    """Refuse a change of the entries *before* to *after* that is not *actor*'s to make.

    *policy* is what the entries *after* make. Who administers some scopes may change
    grants in those, and never what they hold themselves.

    Raises:
        BeyondReach: if so.
    """
    reach = reach_of(context, actor)
    if reach.is_all:
        return
    old, new = list(before), list(after)
    was, will = Counter(map(_said, old)), Counter(map(_said, new))
    for kind, fields, *_ in (was - will) + (will - was):
        _refuse_row(reach, kind, fields)
    if context.build(old).held_by(actor.subject) != policy.held_by(actor.subject):
        raise BeyondReach(
            "it changes what you hold yourself",
            "ask somebody who administers the whole",
        )


def refuse_row(context: AdminContext, actor: Actor, row: Row) -> None:
    """Refuse to tell or to change *row*, if that is not *actor*'s to do.

    Raises:
        BeyondReach: if so.
    """
    reach = reach_of(context, actor)
    if not reach.is_all:
        _refuse_row(reach, row.kind, row.fields)


def _refuse_row(reach: ScopeSet, kind: str, fields: tuple[str, ...]) -> None:
    scope = fields[-1] if kind == "g" else ""
    if not scope or not reach.covers(scope):
        theirs = ", ".join(sorted(reach.patterns)) or "nothing"
        raise BeyondReach(
            f"`{', '.join((kind, *fields))}` is not yours to change: you "
            f"administer {theirs}",
            "ask somebody who administers the whole",
        )


def is_theirs(policy: PolicyInForce, reach: ScopeSet, subject: Subject) -> bool:
    """Return whether *subject* has a role in some scope of *reach*."""
    return any(
        name.startswith("role:")
        and name not in subject.names
        and any(map(reach.meets, where))
        for name, where in policy.held_by(subject).items()
    )


def tells(reach: ScopeSet, record: Mapping[str, Any]) -> bool:
    """Return whether an audit *record* is about scopes of *reach* and nothing else."""
    detail = record.get("detail")
    about = str(detail.get("scope", "")) if isinstance(detail, Mapping) else ""
    scopes = about.splitlines()
    for line in (*_lines(record, "before"), *_lines(record, "after")):
        kind, *fields = line.split(", ")
        at = {"p": 1, "g": 2}.get(kind, -1)
        if not 0 <= at < len(fields):
            return False
        scopes.append(fields[at])
    return bool(scopes) and all(map(reach.covers, scopes))


def _lines(record: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = record.get(key)
    return tuple(map(str, value)) if isinstance(value, list | tuple) else ()


def _said(entry: Entry) -> tuple[str, tuple[str, ...], bool, str]:
    return entry.row.kind, entry.row.fields, entry.disabled, entry.note
