"""Every setting: read once, checked together, and able to describe itself.

A setting is looked for in the app's config first and in the environment after that.
What holds a secret may also come from a file named by `<NAME>_FILE`. All problems are
reported at once, before anything starts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from authz.decision import ANONYMOUS_METHOD, Grant, Origin, Rule
from authz.errors import Problem, SettingsError
from authz.identity.cookies import CookieSettings
from authz.policy.scope_table import DeclaredPath
from authz.scope import AskedScope, Scope, texts_of
from authz.settings import parsers
from authz.settings.access import OPEN_TO_EVERYONE as OPEN_TO_EVERYONE
from authz.settings.access import AccessSettings as AccessSettings
from authz.settings.access import read_access
from authz.settings.accounts import ACCOUNT_NAME as ACCOUNT_NAME
from authz.settings.accounts import AccountSetting as AccountSetting
from authz.settings.accounts import read_accounts
from authz.settings.adapters import adapter_settings
from authz.settings.admin import AdminSettings as AdminSettings
from authz.settings.admin import read_admin
from authz.settings.audit import AuditSettings as AuditSettings
from authz.settings.audit import read_audit
from authz.settings.authzen import AuthzenSettings as AuthzenSettings
from authz.settings.authzen import read_authzen
from authz.settings.cookies import read_cookies
from authz.settings.defaults import defaulted
from authz.settings.enforcement import EnforcementSettings as EnforcementSettings
from authz.settings.enforcement import read_enforcement
from authz.settings.forward import Address as Address
from authz.settings.forward import DeclaredHost as DeclaredHost
from authz.settings.forward import ForwardSettings as ForwardSettings
from authz.settings.forward import read_forward
from authz.settings.own_account import BUILT_IN as BUILT_IN
from authz.settings.own_account import own_account_rules, start_page_rule
from authz.settings.proxy import ProxySettings as ProxySettings
from authz.settings.proxy import read_proxy
from authz.settings.reader import Reader
from authz.settings.scopes import read_scopes
from authz.settings.setting import Setting as Setting
from authz.settings.store import StoreSettings as StoreSettings
from authz.settings.store import read_store
from authz.settings.table import SETTINGS as SETTINGS

_POLICY: Final = defaulted("AUTHZ_POLICY", Path)
_API_PREFIXES: Final = defaulted("AUTHZ_API_PREFIXES", parsers.paths)
_URL_PREFIX: Final = defaulted("AUTHZ_URL_PREFIX", parsers.prefix)
_ERROR_HANDLERS: Final = defaulted("AUTHZ_ERROR_HANDLERS", parsers.boolean)
_SESSION_HOURS: Final = defaulted("AUTHZ_SESSION_HOURS", parsers.positive)
_IDLE_MINUTES: Final = defaulted("AUTHZ_SESSION_IDLE_MINUTES", parsers.positive)
_POLL_SECONDS: Final = defaulted("AUTHZ_POLL_SECONDS", parsers.positive)
_AUDIT_ALLOWS: Final = defaulted("AUTHZ_AUDIT_ALLOWS", parsers.boolean)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator decided."""

    model: Path | None = None
    policy: Path = _POLICY.default
    accounts: tuple[AccountSetting, ...] = ()
    proxy: ProxySettings = field(default_factory=ProxySettings)
    access: AccessSettings = field(default_factory=AccessSettings)
    anonymous_role: str | None = None
    api_prefixes: tuple[str, ...] = _API_PREFIXES.default
    landing: str | None = None
    url_prefix: str = _URL_PREFIX.default
    contact: str | None = None
    #: Whether the app's own error handlers render refusals.
    error_handlers: bool = _ERROR_HANDLERS.default
    trusted_origins: tuple[str, ...] = ()
    mounts: tuple[str, ...] = ()
    cookies: CookieSettings = field(default_factory=CookieSettings)
    session_hours: float = _SESSION_HOURS.default
    session_idle_minutes: float = _IDLE_MINUTES.default
    poll_seconds: float = _POLL_SECONDS.default
    audit_allows: bool = _AUDIT_ALLOWS.default
    store: StoreSettings = field(default_factory=StoreSettings)
    admin: AdminSettings = field(default_factory=AdminSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    authzen: AuthzenSettings = field(default_factory=AuthzenSettings)
    #: Where requests to an app that declares no scopes itself name theirs.
    scope_table: tuple[DeclaredPath, ...] = ()
    forward: ForwardSettings = field(default_factory=ForwardSettings)
    enforcement: EnforcementSettings = field(default_factory=EnforcementSettings)
    #: Whether they may lack some that the app has: those of a shell beside it.
    partial: bool = False
    #: What is odd but does no harm.
    warnings: tuple[Problem, ...] = ()

    @property
    def own_apis(self) -> tuple[str, ...]:
        """The paths below which authz itself answers programs."""
        ours = f"{self.url_prefix}/api", self.authzen.access
        return ours if self.authzen.enabled else ours[:1]

    @property
    def json_prefixes(self) -> tuple[str, ...]:
        """The paths below which every refusal is JSON, those of our APIs among them."""
        return (*self.api_prefixes, *self.own_apis)

    @property
    def own_scope(self) -> Scope | None:
        """What the pages of authz itself are about, if that is one scope."""
        portal = self.forward.portal
        return Scope(portal.scope) if portal else None

    def is_here(self, about: AskedScope) -> bool:
        """Return whether a request *about* something is one to this very app.

        Behind `authz serve` are others, which have other routes than it has.
        """
        own = self.own_scope
        if own is None:
            return True
        beginning = f"{own.kind}:"
        hosts = {text for text in texts_of(about) if text.startswith(beginning)}
        return hosts <= {own.text}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that hold beside those of any policy."""
        own = own_account_rules(self.url_prefix) if self.admin.enabled else ()
        return (*own, start_page_rule(self.url_prefix)) if self.forward else own

    @property
    def grants(self) -> tuple[Grant, ...]:
        """The grants that settings make; each names the setting as its origin."""
        granted = [
            Grant(member=member, role=account.role, origin=account.origin, scope=scope)
            for account in self.accounts
            if (member := account.granted_to(self.proxy.name))
            for scope in account.scopes or ("",)
        ]
        granted += self.proxy.grants
        granted += self.access.grants
        if self.anonymous_role:
            granted.append(
                Grant(
                    member=ANONYMOUS_METHOD,
                    role=self.anonymous_role,
                    origin=Origin("AUTHZ_ANONYMOUS_ROLE"),
                )
            )
        return tuple(granted)


#: What must be right for work on the store.
_OF_THE_STORE: Final = ("AUTHZ_STORE", "AUTHZ_POLICY", "AUTHZ_REDIS", "AUTHZ_AUDIT")


def read_store_settings(
    config: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[Settings, tuple[Problem, ...]]:
    """Read what work on the store needs; return it, and what else is wrong.

    For a shell beside the app, which may have other settings than the app, or wrong
    ones: whoever mends something must not be stopped by what is to be mended. Where
    anything is wrong, only the settings of the store and of the audit log are taken.

    Raises:
        SettingsError: if those of the store or of the audit log are wrong.
    """
    try:
        return replace(read_settings(config, environ), partial=True), ()
    except SettingsError as error:
        needed = [p for p in error.problems if p.where.startswith(_OF_THE_STORE)]
        if needed:
            raise SettingsError(needed) from error
        return store_settings(config, environ), error.problems


def store_settings(config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Return the settings of the store and of the audit log; the others are unset."""
    reader = Reader(config, environ)
    return Settings(
        policy=reader.read(_POLICY),
        url_prefix=reader.read(_URL_PREFIX),
        store=read_store(reader),
        admin=read_admin(reader),
        audit=read_audit(reader),
        partial=True,
    )


def read_settings(config: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Read all settings from an app's *config* and the *environ*.

    Raises `SettingsError` with every problem found.
    """
    reader = Reader(config, environ)
    reader.refuse_unknown(adapter_settings)
    proxy = read_proxy(reader)
    accounts = tuple(read_accounts(reader, proxied=bool(proxy)))
    cookies = read_cookies(reader)
    url_prefix = reader.read(_URL_PREFIX)
    store = read_store(reader)
    settings = Settings(
        model=reader.parse("AUTHZ_MODEL", Path, None),
        policy=reader.read(_POLICY),
        accounts=accounts,
        proxy=proxy,
        access=read_access(reader, has_accounts=bool(accounts), has_proxy=bool(proxy)),
        anonymous_role=reader.parse(
            "AUTHZ_ANONYMOUS_ROLE", parsers.anonymous_role, None
        ),
        api_prefixes=reader.read(_API_PREFIXES),
        landing=reader.parse("AUTHZ_LANDING", parsers.path, None),
        url_prefix=url_prefix,
        contact=reader.parse("AUTHZ_CONTACT", str, None),
        error_handlers=reader.read(_ERROR_HANDLERS),
        trusted_origins=reader.parse("AUTHZ_TRUSTED_ORIGINS", parsers.origins, ()),
        mounts=reader.parse("AUTHZ_MOUNTS", parsers.paths, ()),
        cookies=cookies,
        session_hours=reader.read(_SESSION_HOURS),
        session_idle_minutes=reader.read(_IDLE_MINUTES),
        poll_seconds=reader.read(_POLL_SECONDS),
        audit_allows=reader.read(_AUDIT_ALLOWS),
        store=store,
        admin=read_admin(reader),
        audit=read_audit(reader),
        authzen=read_authzen(reader, url_prefix=url_prefix),
        enforcement=read_enforcement(reader),
        scope_table=read_scopes(reader),
        forward=read_forward(
            reader, cookies, proxied=bool(proxy), stored=store.url is not None
        ),
        warnings=tuple(reader.warnings),
    )
    if reader.problems:
        raise SettingsError(reader.problems)
    return settings
