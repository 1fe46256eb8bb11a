"""How far somebody administers: everything, or some scopes of a policy with scopes.

Who administers one library may give roles within it, to others, and sees its people,
rules and audit. Everything else is for those who administer the whole, and is asked
about `WHOLE`; see `authz.web.own_scopes`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from authz.admin.context import Actor, AdminContext
from authz.decision import AccessRequest, Decision, PolicyInForce, Subject, whole_of
from authz.errors import BeyondReach
from authz.identity.break_glass import METHOD as BREAK_GLASS
from authz.policy.csv_rows import Row
from authz.policy.own_paths import API, PAGES
from authz.policy.records import Entry
from authz.policy.rules import ADMIN
from authz.scope import EVERYWHERE, WHOLE, Scope, ScopeSet


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
        if own is None:
            found = found or policy.scopes(actor.subject, prefix + path, method)
        elif as_administrator(policy, asked, own):
            found = found or hosts_of(policy, actor.subject, own)
    return found


def hosts_of(policy: PolicyInForce, subject: Subject, own: Scope) -> ScopeSet:
    """Return the scopes in which *subject* is an administrator, for `authz serve`.

    All its pages are about its *own* host, and a rule for `/*` at another says nothing
    of them. So who has the role of administrators there has a say there, and a path
    gives it to nobody. Its own host is none of these: that is part of the whole.
    """
    where = policy.held_by(subject).get(ADMIN, frozenset())
    return ScopeSet.where(where, (own.text, WHOLE.text))


def as_administrator(
    policy: PolicyInForce, asked: AccessRequest, own: Scope
) -> Decision | None:
    """Return the decision that opens one of our pages to who administers some hosts.

    What is *asked* has to be allowed to administrators of the whole, and to *subject*
    nothing may be denied. None if it is not.
    """
    if not hosts_of(policy, asked.subject, own):
        return None
    names = asked.subject.names | {ADMIN}
    somebody = replace(asked.subject, names=names, scoped=())
    whole = replace(asked, subject=somebody, scope=whole_of(policy, own))
    return policy.decide(whole) or None


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
            "ask somebody who administers everything",
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
            "ask somebody who administers everything",
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
