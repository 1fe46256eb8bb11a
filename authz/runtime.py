"""The frozen bundle that one guarded app needs, and how it is put together.

Knows no web framework.
"""

import atexit
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Unpack
from weakref import WeakSet

from authz.administration import KeptAdministrable
from authz.audit import AuditEvent, AuditSink, Clock, EventTag, utc_now
from authz.audit.events import EventAddresses, EventFields
from authz.audit.log import AuditLog
from authz.background import Poller
from authz.decision import (
    ANONYMOUS,
    AccessRequest,
    Asked,
    Decision,
    Origin,
    PolicyInForce,
    Subject,
)
from authz.errors import PolicyError, Problem, SettingsError, StoreError
from authz.identity.accounts import Accounts, new_account
from authz.identity.break_glass import BreakGlass
from authz.identity.client_address import ClientAddress, ClientAddresses
from authz.identity.cookies import CookieNames
from authz.identity.named_groups import NamedGroups, unreachable_groups
from authz.identity.people import LOCAL, Arrivals, PeopleStore, Person
from authz.identity.sessions import LocalSessions
from authz.identity.source import IdentitySource, RequestFacts
from authz.identity.token_owners import TokenOwners
from authz.identity.tokens import RESERVED
from authz.identity.view_as import ViewAs
from authz.identity_factory import Sources, build_sources
from authz.installed import refuse_wrong_packages
from authz.policy.analysis.shadow import Deviated, Shadow
from authz.policy.build import BuiltPolicy, build_from_rows, collector_paused
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import Row
from authz.policy.exposure import unsafe_exposure
from authz.policy.live import LivePolicy
from authz.policy.model import Model, is_scoped, read_model, why_not_compiled
from authz.policy.recent_builds import RecentBuilds
from authz.policy.recent_rows import RecentRows
from authz.policy.records import Entry, PolicyRecords, Snapshot
from authz.policy.rules import ADMIN, nothing_allowed
from authz.policy.safety import open_to_a_method, safety_problems, wide_rules
from authz.settings import Settings
from authz.settings.providers import Provider, arrivals, providers
from authz.stores.factory import Stores, kept_audit, open_stores
from authz.stores.file.policy import CsvFile, Mark
from authz.stores.file.records import CsvRecords
from authz.stores.followers import StoreFollowers
from authz.stores.model_file import read_model_text
from authz.stores.places import policy_source, shown
from authz.stores.replicas import Replica
from authz.stores.restores import Restored, RestoreWatch
from authz.stores.sync import (
    StoreSync,
    edits_told,
    replicas,
    restore_watch,
    session_source,
    store_sync,
    table_watch,
)

if TYPE_CHECKING:
    from authz.identity.throttle import Throttle
    from authz.stores.sql.table_watch import TableWatch

_log: Final = logging.getLogger("authz")
_running: "Final[WeakSet[Runtime]]" = WeakSet()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class Runtime:
    """Everything one app's requests are answered with."""

    settings: Settings
    live: LivePolicy[bytes | Snapshot]
    stores: Stores
    #: Keeps policy and people as the stores have them.
    store_sync: StoreSync
    #: The policy as whoever administers it sees it.
    records: PolicyRecords
    #: The people likewise.
    people: PeopleStore
    #: In the order in which they are asked.
    sources: tuple[IdentitySource, ...]
    #: The same by what they are, beside the sessions.
    identity: Sources
    accounts: Accounts
    sessions: LocalSessions
    #: What its cookies are called.
    cookies: CookieNames
    throttle: "Throttle"
    #: Says where requests come from.
    client_addresses: ClientAddresses
    #: The groups that the policy in force names.
    named_groups: NamedGroups
    audit: AuditSink
    #: The audit log to look through; None if only a logger gets the events.
    audit_log: AuditLog | None
    clock: Clock
    #: A candidate policy that is asked beside the one in force; None without one.
    shadow: Shadow | None = None
    #: The way in that the shell opens; None where there is no store for its codes.
    break_glass: BreakGlass | None = None
    #: Looking as somebody else; None where there is no store to keep it in.
    view_as: ViewAs | None = None
    #: Notices that the database was restored from a backup; None without one.
    restores: RestoreWatch | None = None
    #: Notices that another program writes into casbin_rule; None without that table.
    table_watch: "TableWatch | None" = None
    #: The policies of the states that were built or looked at last.
    recent_builds: RecentBuilds = field(default_factory=RecentBuilds, repr=False)

    @property
    def following(self) -> StoreFollowers:
        """What knows how fresh the policy and the people are."""
        return self.store_sync.following

    @property
    def poller(self) -> Poller:
        """What looks at the stores in the background."""
        return self.store_sync.poller

    @property
    def replicas(self) -> tuple[Replica, ...]:
        """The processes that share the database; raises `StoreError`."""
        return replicas(self.stores)

    @property
    def restored(self) -> Restored | None:
        """What a restored backup may have brought back, until somebody looked at it."""
        return None if self.restores is None else self.restores.open

    @property
    def write_problem(self) -> str | None:
        """Why nothing can be written to the database, or None."""
        database = self.stores.database
        return None if database is None else database.database.write_problem

    @property
    def report_only(self) -> bool:
        """Whether what the policy denies is let through and only reported."""
        return self.settings.enforcement.report_only

    @property
    def open_to_everyone(self) -> bool:
        """Whether there is no sign-in and everybody is an administrator."""
        everyone = self.identity.everyone
        return everyone is not None and everyone.holds()

    @property
    def providers(self) -> tuple[Provider, ...]:
        """Who vouches for people besides us."""
        return providers(self.settings.proxy)

    @property
    def arrivals(self) -> Arrivals:
        """Who people are when they sign in."""
        return arrivals(self.settings.proxy)

    @property
    def policy(self) -> PolicyInForce:
        """The policy in force at this moment."""
        return self.live.current

    def decide(self, request: AccessRequest) -> Decision:
        """Return the answer of the policy in force to *request*."""
        return self.live.current.decide(request)

    def close(self) -> None:
        """Stop what runs in the background, and close what is open."""
        self.store_sync.close()
        for poller in self.identity.pollers:
            poller.close()
        if self.shadow is not None:
            self.shadow.poller.close()
        if self.stores.database is not None:
            self.stores.database.database.close()

    def refresh(self) -> None:
        """Put in force what has just been changed, without waiting for the poller."""
        self.following.refresh()

    def client(self, facts: RequestFacts) -> ClientAddress:
        """Return where a request comes from, behind the listed proxies."""
        return self.client_addresses.of(facts.peer, facts.environ)

    def record(
        self,
        tag: EventTag,
        *,
        facts: RequestFacts | None = None,
        **fields: Unpack[EventFields],
    ) -> None:
        """Record an event that happens now, in the request that *facts* are of."""
        told: EventFields = {**self._addresses(facts), **fields}
        self.audit.record(AuditEvent(tag=tag, at=self.clock(), **told))

    def record_decision(  # noqa: PLR0913 - what a decision is told with
        self,
        tag: EventTag,
        asked: Asked,
        decision: Decision,
        *,
        facts: RequestFacts | None = None,
        request_id: str = "",
        detail: Mapping[str, str] | None = None,
    ) -> None:
        """Record that *decision* was made about *asked* now."""
        event = AuditEvent.of_decision(
            tag,
            self.clock(),
            asked,
            decision,
            request_id=request_id,
            detail=detail,
            **self._addresses(facts),
        )
        self.audit.record(event)

    def _addresses(self, facts: RequestFacts | None) -> EventAddresses:
        if facts is None:
            return {}
        return {"peer": facts.peer, "client": str(self.client(facts))}


def build_content(
    settings: Settings,
    content: bytes | Snapshot,
    *,
    recent: RecentBuilds | None = None,
) -> BuiltPolicy:
    """Build the policy of what a store holds: a file's bytes, a database's state.

    Raises:
        PolicyError: if the model or the policy cannot be used.
        StoreError: if the model cannot be read.
    """
    if isinstance(content, bytes):
        return load_policy(settings, content, recent=recent)
    return policy_of(settings, content.entries, recent=recent)


def load_policy(
    settings: Settings,
    data: bytes,
    *,
    source: Path | None = None,
    recent: RecentBuilds | None = None,
) -> BuiltPolicy:
    """Build the policy that the settings and the policy file *data* make.

    *source* is the file, if it is not the policy of the settings. What is among the
    *recent* ones, or in a line of them, is not made again.

    Raises:
        PolicyError: if the model or the policy cannot be used, or opens the app.
        StoreError: if the model cannot be read.
    """
    recent = RecentBuilds() if recent is None else recent
    place = policy_source(settings) if source is None else shown(source)
    with collector_paused():
        read = recent.rows.read(data, source=place)
        built = _policy_of(settings, read.rows, source=place, recent=recent)
    return replace(built, warnings=read.warnings + built.warnings)


def policy_of(
    settings: Settings,
    entries: Iterable[Entry],
    *,
    recent: RecentBuilds | None = None,
) -> BuiltPolicy:
    """Build the policy that the settings and *entries* of a store make.

    Or return it, if it is among the *recent* ones.

    Raises:
        PolicyError: if the model or the policy cannot be used, or opens the app.
        StoreError: if the model cannot be read.
    """
    return _policy_of(
        settings,
        tuple(entry.row for entry in entries if not entry.disabled),
        source=policy_source(settings),
        recent=RecentBuilds() if recent is None else recent,
    )


def _policy_of(
    settings: Settings, rows: tuple[Row, ...], *, source: str, recent: RecentBuilds
) -> BuiltPolicy:
    """Build the policy of *rows*, or return it if it is among the *recent* ones."""
    model_source, model = read_model_text(settings)

    def build(rows: Iterable[Row], before: BuiltPolicy | None) -> BuiltPolicy:
        built = build_from_rows(
            model,
            rows,
            rules=settings.rules,
            grants=settings.grants,
            model_source=model_source,
            policy_source=source,
            partial=settings.partial,
            before=before,
        )
        return _safe(built, settings, model_source)

    return recent.get(rows, model, build)


def _safe(built: BuiltPolicy, settings: Settings, model_source: str) -> BuiltPolicy:
    """Return *built* with what is odd about it; refuse what opens the app to all."""
    prefix = settings.url_prefix if settings.admin.enabled else None
    problems = safety_problems(
        built.policy,
        built.rows,
        prefix=prefix,
        model_source=model_source,
        scope=settings.own_scope,
        literals=built.literals,
    )
    if problems or built.openings:
        raise PolicyError((*problems, *built.openings))
    wide = wide_rules(built.policy, settings.own_scope)
    by_method = open_to_a_method(
        built.policy, built.rows, prefix=prefix, scope=settings.own_scope
    )
    return replace(built, warnings=(*built.warnings, *wide, *by_method))


def refuse_open(switch: Origin, stores: Stores) -> None:
    """Raise `SettingsError` if a store has somebody, or a program, that signs in."""
    beside = []
    if any(p.source == LOCAL and p.password_hash for p in stores.people.everyone()):
        beside.append("people who have passwords")
    tokens = stores.tokens.all() if stores.tokens is not None else ()
    if any(t.revoked is None and not t.name.startswith(RESERVED) for t in tokens):
        beside.append("API tokens")
    if beside:
        raise SettingsError(
            [
                Problem(
                    where=switch.source,
                    message="it makes everybody an administrator, but the store has "
                    + " and ".join(beside),
                    hint="remove the switch, so that people must sign in",
                )
            ]
        )


def _refuse_idle_groups(settings: Settings) -> None:
    """Raise `SettingsError` if groups give roles in scopes, and there are none."""
    if settings.proxy.scoped_groups and not takes_scopes(settings):
        raise SettingsError(
            [
                Problem(
                    where="AUTHZ_SCOPED_GROUPS",
                    message="the policy has no scopes, so it would give nothing",
                    hint="turn the policy into one with scopes (`authz scope add`), or "
                    "remove it",
                )
            ]
        )


def _refuse_unusable(
    settings: Settings, _before: Iterable[Entry], entries: Iterable[Entry]
) -> None:
    policy_of(settings, entries)


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


def open_all(settings: Settings, recent: RecentRows | None = None) -> Stores:
    """Open the stores that the settings name.

    Lines of a policy file that are among the *recent* ones are not read again.

    Raises:
        SettingsError: if the account of a setting cannot be used.
        PolicyError: if the model, or the first policy of a database, cannot be used.
        StoreError: if a store cannot be opened.
    """
    return open_stores(
        settings,
        model=_model(settings),
        fixed=[
            Person(
                id=account.name,
                display_name=account.name,
                source=LOCAL,
                password_hash=new_account(
                    account.name, account.password, where=account.origin.source
                ).password_hash,
                fixed=True,
            )
            for account in settings.accounts
        ],
        check=partial(_refuse_unusable, settings),
        recent=recent,
    )


def takes_scopes(settings: Settings) -> bool:
    """Return whether each line of the policy names the scope in which it holds.

    Raises:
        PolicyError: if the model cannot be used.
        StoreError: if it cannot be read.
    """
    model = _model(settings)
    return is_scoped(model) and why_not_compiled(model) is None


def _model(settings: Settings) -> Model:
    try:
        source, text = read_model_text(settings)
        return read_model(text, source=source)
    except (PolicyError, StoreError):
        if not settings.partial:
            raise
        # People and tokens need none, and rules are not built without theirs.
        source, text = read_model_text(replace(settings, model=None))
        return read_model(text, source=source)


def start(  # noqa: PLR0913, PLR0915 - what an app is made of
    settings: Settings,
    *,
    audit: AuditSink,
    sources: Iterable[IdentitySource] = (),
    on_reload: Callable[[str], None],
    on_refused: Callable[[str], None],
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
    _refuse_idle_groups(settings)
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
