"""From the settings, and what a store holds, to a policy that can be in force."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from authz.decision import PLAIN_COLUMNS, has_scope
from authz.errors import PolicyError, StoreError
from authz.policy.build import BuiltPolicy, build_from_rows, collector_paused
from authz.policy.csv_rows import Row
from authz.policy.model import Model, read_model, why_not_compiled
from authz.policy.recent_builds import RecentBuilds
from authz.policy.records import Entry, Snapshot
from authz.policy.safety import open_to_a_method, safety_problems, wide_rules
from authz.settings import Settings
from authz.stores.model_file import read_model_text
from authz.stores.places import policy_source, shown


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


def columns_of(settings: Settings) -> tuple[str, ...]:
    """Return the columns of a rule but for its effect, as authz itself reads them.

    Raises:
        PolicyError: if the model cannot be used.
        StoreError: if it cannot be read.
    """
    model = model_of(settings)
    return model.columns if why_not_compiled(model) is None else PLAIN_COLUMNS


def takes_scopes(settings: Settings) -> bool:
    """Return whether each line of the policy names the scope in which it holds.

    Raises as `columns_of`.
    """
    return has_scope(columns_of(settings))


def model_of(settings: Settings) -> Model:
    """Return the model of the settings; the shipped one where a shell has none.

    Raises:
        PolicyError: if it cannot be used.
        StoreError: if it cannot be read.
    """
    try:
        source, text = read_model_text(settings)
        return read_model(text, source=source)
    except (PolicyError, StoreError):
        if not settings.partial:
            raise
        # People and tokens need none, and rules are not built without theirs.
        source, text = read_model_text(replace(settings, model=None))
        return read_model(text, source=source)
