"""The parts of one guarded app, put together."""

import atexit
import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Unpack
from weakref import WeakSet

from authz.administration import KeptAdministrable
from authz.audit import AuditSink, EventTag, utc_now
from authz.audit.events import EventFields
from authz.decision import ANONYMOUS, PolicyInForce, Subject
from authz.errors import Problem
from authz.identity.accounts import Accounts
from authz.identity.break_glass import BreakGlass
from authz.identity.cookies import CookieNames
from authz.identity.named_groups import NamedGroups, unreachable_groups
from authz.identity.sessions import LocalSessions
from authz.identity.source import IdentitySource, RequestFacts
from authz.identity.token_owners import TokenOwners
from authz.identity.view_as import ViewAs
from authz.identity_factory import Sources, build_sources
from authz.installed import refuse_wrong_packages
from authz.policy.analysis.shadow import Deviated, Shadow
from authz.policy.compiled import CompiledPolicy
from authz.policy.exposure import unsafe_exposure
from authz.policy.live import LivePolicy
from authz.policy.recent_builds import RecentBuilds
from authz.policy.records import Snapshot
from authz.policy.rules import ADMIN, nothing_allowed
from authz.runtime.policies import build_content, load_policy
from authz.runtime.runtime import Runtime
from authz.runtime.stores import (
    open_all,
    refuse_idle_groups,
    refuse_open,
)
from authz.settings import Settings
from authz.settings.providers import arrivals
from authz.stores.factory import Stores, kept_audit
from authz.stores.file.policy import CsvFile, Mark
from authz.stores.file.records import CsvRecords
from authz.stores.sync import (
    edits_told,
    restore_watch,
    session_source,
    store_sync,
    table_watch,
)

_log: Final = logging.getLogger("authz")
_running: "Final[WeakSet[Runtime]]" = WeakSet()


def start(  # noqa: PLR0913, PLR0915 - what an app is made of
    settings: Settings,
    *,
    audit: AuditSink,
    sources: Iterable[IdentitySource] = (),
    on_reload: Callable[[str], object] = lambda _: None,
    on_refused: Callable[[str], object] = lambda _: None,
    serves: bool = True,
    app: str = "",
    open_while: Callable[[], bool] = lambda: True,
) -> Runtime:
    """Put the parts together and begin to watch the policy.

    Args:
        settings: What the operator decided.
        audit: Where events go.
        sources: Ways of knowing who is asking, asked before the session cookie.
        on_reload: Called with the revision of each new policy in force.
        on_refused: Called with what is wrong when a changed policy cannot be used.
        serves: Whether it stays and answers requests. Without, nothing is watched, no
            keys are fetched, and a policy that cannot be used stops nothing.
        app: What tells this app from others on the same host, for its cookies.
        open_while: Whether an app that its settings open to everybody still is.

    Raises:
        SettingsError, PolicyError, StoreError: if it cannot start; nothing runs then.
    """
    refuse_wrong_packages()
    refuse_idle_groups(settings)
    recent_builds = RecentBuilds()

    def note_reload(old: PolicyInForce, new: PolicyInForce) -> None:
        _log.info("policy %s replaces %s", new.revision, old.revision)
        runtime.record(
            EventTag.POLICY_LOADED,
            revision=new.revision,
            detail={"before": old.revision},
        )
        on_reload(new.revision)

    def note_refused(problem: str) -> None:
        revision = runtime.policy.revision
        _log.error("the last good policy, %s, stays in force: %s", revision, problem)
        runtime.record(
            EventTag.POLICY_REFUSED, revision=revision, detail={"problem": problem}
        )
        on_refused(problem)

    def note_unread(parts: Sequence[str], problem: str) -> None:
        _log.error("%s: as they were, because %s", ", ".join(parts), problem)
        runtime.record(
            EventTag.STORE_UNREAD,
            detail={"parts": " ".join(parts), "problem": problem},
        )

    def record(
        tag: EventTag,
        *,
        facts: RequestFacts | None = None,
        **fields: Unpack[EventFields],
    ) -> None:
        runtime.record(tag, facts=facts, **fields)

    stores = open_all(settings, recent_builds.rows)
    audit, audit_log = kept_audit(settings, stores.database, audit)
    sources = tuple(sources)
    accounts = Accounts(open_ended=stores.database is not None)
    kept_administrable = KeptAdministrable(
        settings, accounts, sources=sources, is_open=lambda: runtime.open_to_everyone
    )
    live = LivePolicy(
        stores.policy,
        _builder(settings, kept_administrable, recent_builds),
        on_reload=note_reload,
        on_failure=note_refused,
        beside=lambda: accounts.people,
        earlier=stores.earlier,
        otherwise=None if serves else CompiledPolicy(nothing_allowed()),
    )
    named_groups = NamedGroups(live)
    identity = build_sources(
        settings,
        record=record,
        token_store=stores.tokens,
        tell_seen=stores.people.seen,
        denies_groups=lambda: named_groups.are_denied,
        # Never open where anybody can sign in, from the moment on when somebody can.
        open_while=lambda: open_while() and not accounts.let_somebody_in,
    )
    if serves and settings.access.open_by and open_while():
        refuse_open(settings.access.open_by, stores)
    edited = edits_told(record)
    kept = store_sync(settings, stores, live, accounts, tell=note_unread, edited=edited)
    identity.keep_up(kept.following)
    if identity.tokens is not None:
        owners = TokenOwners(accounts, live)
        identity.tokens.vouch = owners.vouch
        identity.tokens.edited = edited
        kept.following.follow(owners, in_database=False)
    cookies = CookieNames(settings.cookies, app)
    sessions = session_source(
        settings,
        stores,
        kept.following,
        accounts,
        live,
        cookies=cookies,
        edited=edited,
    )
    kept.following.do_after(partial(_note_edit, stores, live))
    # What counts is a third of all that an app loads, so not whoever imports one.
    from authz.identity.throttle import Throttle
    from authz.stores.shared_limits import shared_limits

    throttle = Throttle(shared_limits(settings, stores))
    kept.following.do_after(throttle.tidy)
    restores = restore_watch(
        stores,
        kept.following,
        accounts,
        identity.tokens,
        record=record,
    )
    shadow = _shadow(
        settings,
        lambda *a, **kw: runtime.record_decision(*a, **kw),  # noqa: PLW0108 - made below
    )
    break_glass = _break_glass(stores, identity, sessions, record)
    # Whoever breaks the glass means it: before all others.
    asked = (
        *(() if break_glass is None else (break_glass,)),
        *identity.in_order([*sources, sessions]),
    )
    view_as = _view_as(settings, identity, asked, sessions=sessions, live=live)
    runtime = Runtime(
        settings=settings,
        live=live,
        stores=stores,
        store_sync=kept,
        records=stores.records,
        people=stores.people,
        sources=asked if view_as is None else (view_as, *asked),
        identity=identity,
        accounts=accounts,
        sessions=sessions,
        cookies=cookies,
        throttle=throttle,
        client_addresses=identity.addresses,
        named_groups=named_groups,
        audit=audit,
        audit_log=audit_log,
        clock=utc_now,
        shadow=shadow,
        break_glass=break_glass,
        view_as=view_as,
        restores=restores,
        table_watch=table_watch(stores, kept.following, live, record=record),
        recent_builds=recent_builds,
    )
    warn(settings.warnings)
    _warn_of_openings(runtime)
    if serves:
        warn(kept_administrable.problems())
        if live.problem is not None:
            note_refused(live.problem)
        _serve(runtime)
    _running.add(runtime)
    return runtime


def _builder(
    settings: Settings,
    kept_administrable: KeptAdministrable,
    recent: RecentBuilds,
) -> Callable[[bytes | Snapshot], PolicyInForce]:
    """Return what makes the policy in force of what a store holds, or raises."""

    def build(content: bytes | Snapshot) -> PolicyInForce:
        built = build_content(settings, content, recent=recent)
        kept_administrable.check(built)
        warn(built.warnings)
        if settings.proxy:
            warn(unreachable_groups(built.policy, settings.proxy.group_separators))
        return built.policy

    return build


def _serve(runtime: Runtime) -> None:
    """Begin to fetch keys and to watch the stores."""
    if runtime.live.instead is not None:
        _log.error("%s serves instead of what is kept", runtime.live.instead)
    runtime.identity.start()
    if runtime.shadow is not None:
        runtime.shadow.poller.start()
    runtime.store_sync.start()


@atexit.register
def _close() -> None:
    """Write what is still to be written when the process ends."""
    for runtime in list(_running):
        runtime.close()


def _note_edit(stores: Stores, live: LivePolicy[bytes | Snapshot]) -> None:
    """Keep a revision of a policy file that was edited by hand, once it is in force."""
    mark, records = live.mark, stores.records
    if (
        isinstance(mark, Mark)
        and isinstance(records, CsvRecords)
        and live.problem is None
    ):
        records.note_edit(mark.digest)


def _shadow(settings: Settings, record: Callable[..., None]) -> Shadow | None:
    """Return the candidate of the settings. One that cannot be used stops nothing."""
    path = settings.enforcement.shadow
    if path is None:
        return None
    return Shadow(
        CsvFile(path),
        lambda data: load_policy(settings, data, source=path).policy,
        tell=partial(_record_deviation, record),
        on_problem=partial(_log.error, "AUTHZ_SHADOW_POLICY is not asked: %s"),
    )


def _break_glass(
    stores: Stores,
    identity: Sources,
    sessions: LocalSessions,
    record: Callable[..., None],
) -> BreakGlass | None:
    """Return the way in that the shell opens, where its codes can be kept."""
    if stores.tokens is None or identity.tokens is None:
        return None

    def on_request(subject: Subject, facts: RequestFacts) -> None:
        record(
            EventTag.BREAK_GLASS_REQUEST,
            subject=subject.name,
            names=tuple(sorted(subject.names)),
            facts=facts,
            method=str(facts.environ.get("REQUEST_METHOD", "")),
            path=str(facts.environ.get("PATH_INFO", "")),
        )

    return BreakGlass(identity.tokens, cookies=sessions.cookies, on_request=on_request)


def _view_as(
    settings: Settings,
    identity: Sources,
    others: Sequence[IdentitySource],
    *,
    sessions: LocalSessions,
    live: LivePolicy[Any],
) -> ViewAs | None:
    """Return what lets administrators look as others, where that can be kept."""
    if settings.store.url is None or identity.tokens is None:
        return None
    return ViewAs(
        identity.tokens,
        cookies=sessions.cookies,
        others=others,
        accounts=sessions.accounts,
        subject_of=arrivals(settings.proxy).subject_of,
        live=live,
        admin=ADMIN,
        prefix=settings.url_prefix,
    )


def _record_deviation(record: Callable[..., None], told: Deviated) -> None:
    deviation = told.deviation
    detail = {
        "candidate": "allow" if deviation.opens else "deny",
        "route": deviation.route,
        "times": str(told.times),
    }
    record(EventTag.SHADOW_DIFFERS, told.asked, told.decision, detail=detail)


def warn(problems: Iterable[Problem]) -> None:
    """Tell the operator what is odd."""
    for problem in problems:
        _log.warning("%s", problem)


def _warn_of_openings(runtime: Runtime) -> None:
    if runtime.open_to_everyone:
        _log.warning(
            "%s: there is no sign-in: EVERYBODY who can reach this app is an "
            "administrator",
            runtime.settings.access.open_by,
        )
    role = runtime.settings.anonymous_role
    if role is None:
        return
    openings = unsafe_exposure(runtime.policy, ANONYMOUS)
    for rule in openings:
        _log.warning(
            "AUTHZ_ANONYMOUS_ROLE: people who have not signed in may %s %s (%s)",
            rule.method_field.replace("|", " and ").replace("*", "do anything to"),
            rule.path,
            rule.origin,
        )
    _log.warning(
        "AUTHZ_ANONYMOUS_ROLE: people who have not signed in have `%s`; "
        "it opens %s unsafe method%s",
        role,
        len(openings) or "no",
        "" if len(openings) == 1 else "s",
    )
