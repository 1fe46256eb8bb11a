"""The one way in which a policy is changed: looked at, checked, written down, made.

A draft is a value: what to change, and the state its author has seen. Nobody keeps it
but its author. If somebody else was faster, that is shown and never overwritten.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Unpack

from authz.admin.context import Actor, AdminContext
from authz.admin.known_names import remarks_on_new
from authz.admin.lockout_checks import check_policy
from authz.admin.own_lockout import refuse_lockout
from authz.admin.reach import reach_of, refuse_beyond, refuse_row
from authz.audit import EventTag
from authz.decision import PolicyInForce
from authz.errors import (
    AuthzError,
    BeyondReach,
    LastAdmin,
    LockedOut,
    NotFound,
    PolicyError,
    Problem,
    StoreConflict,
    StoreError,
    StoreReadOnly,
)
from authz.policy.records import (
    Add,
    Change,
    ChangeTerms,
    Entry,
    Replace,
    Revision,
    Snapshot,
    differences,
    note_problem,
)

_REASONS: Final[Mapping[type[AuthzError], str]] = {
    BeyondReach: "beyond-reach",
    LockedOut: "locked-out",
    LastAdmin: "last-admin",
}

#: As the base of an addition, or of a draft to look at: whatever the state is.
ANY_STATE: Final = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What somebody means to change."""

    #: The etag of the state they have seen.
    base: str
    changes: tuple[Change, ...] = ()
    #: What the entries that changes name said then, by id: how they are found again.
    about: tuple[tuple[str, str], ...] = ()
    #: The revision to go back to, instead of changes; None if there are changes.
    restores: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it means to change nothing."""
        return not self.changes and self.restores is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a draft would do."""

    draft: Draft
    #: The etag of the state now; another one than the draft's is a conflict.
    etag: str
    #: The rows that would come and go, as lines of a policy file.
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    #: What is odd about names that it brings: that nobody has them.
    remarks: tuple[str, ...] = ()
    #: Why it cannot be applied; empty if it can.
    problems: tuple[Problem, ...] = ()
    #: The policies that are compared; None where there is none.
    before: PolicyInForce | None = None
    after: PolicyInForce | None = None

    @property
    def is_conflict(self) -> bool:
        """Whether somebody else changed the policy since the draft was begun."""
        return self.etag != self.draft.base


def state(context: AdminContext) -> Snapshot:
    """Return the state now, for a draft to begin from. Raises `StoreError`."""
    return context.records.snapshot()


def preview(context: AdminContext, actor: Actor, draft: Draft) -> Preview:
    """Return what *draft* would do if *actor* applied it. Changes nothing.

    Raises:
        NotFound: if a change names an entry that is not there.
        StoreError: if the store cannot be read.
    """
    # What cannot be read can be gone back from, and not otherwise be changed.
    now = (
        context.records.snapshot()
        if draft.restores is None
        else context.readable_snapshot()
    )
    entries = () if now is None else now.entries
    etag = now.etag if now else context.records.etag()
    if draft.base == ANY_STATE:
        draft = replace(draft, base=etag)
    seen = Preview(draft=draft, etag=etag)
    if seen.is_conflict:
        return replace(seen, problems=(_conflict(),))
    try:
        _refuse_rows(context, actor, draft)
    except BeyondReach as error:
        return replace(seen, problems=(_as_problem(error),))
    try:
        would = _would_be(context, actor, draft)
    except PolicyError as error:
        return replace(seen, problems=error.problems)
    added, removed = differences(entries, would)
    seen = replace(
        seen,
        added=added,
        removed=removed,
        remarks=remarks_on_new(
            _new_rows(entries, would),
            people=context.people,
            before=context.policy.written,
            scopes=context.named_scopes(),
        ),
    )
    try:
        before: PolicyInForce | None = context.build(entries)
    except PolicyError:
        before = None  # what is stored cannot be in force; the change may mend it
    try:
        after = context.build(would)
        refuse_beyond(context, actor, entries, would, after)
        refuse_lockout(context, actor, after)
        check_policy(context, actor, after, would, lambda: entries)
    except PolicyError as error:
        return replace(seen, before=before, problems=error.problems)
    except (LockedOut, LastAdmin) as error:
        return replace(seen, before=before, problems=(_as_problem(error),))
    return replace(seen, before=before, after=after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What a draft did."""

    revision: Revision
    #: The entries then; None if it changed nothing.
    entries: Sequence[Entry] | None


def apply(context: AdminContext, actor: Actor, draft: Draft, *, note: str) -> Revision:
    """Make the changes of *draft*; see `apply_draft`."""
    return apply_draft(context, actor, draft, note=note).revision


def apply_draft(
    context: AdminContext, actor: Actor, draft: Draft, *, note: str
) -> Applied:
    """Make the changes of *draft*, all or none, and put them in force here.

    The audit record is written first; without it nothing is changed.

    Raises:
        PolicyError: if the policy could not be put in force then.
        LockedOut: if *actor* could not administer any more.
        LastAdmin: if nobody could.
        NotFound: if a change names an entry that is not there.
        StoreConflict: if somebody else changed the policy meanwhile.
        AlreadyThere: if a rule or grant is there already.
        StoreReadOnly: if changes are made elsewhere; it carries the patch.
        StoreError: if the store or the audit log cannot be written.
    """
    checked: PolicyInForce | None = None
    left: Sequence[Entry] | None = None
    recorded: Revision | None = None
    problem = note_problem(note)
    if problem:
        raise PolicyError([problem])

    def check(before: Sequence[Entry], entries: Sequence[Entry]) -> None:
        nonlocal checked, left
        checked, left = context.build(entries), entries
        refuse_beyond(context, actor, before, entries, checked)
        refuse_lockout(context, actor, checked)
        check_policy(context, actor, checked, entries, lambda: before)

    def before_commit(revision: Revision) -> None:
        nonlocal recorded
        assert checked is not None  # noqa: S101 - the store's promise
        context.record(
            EventTag.POLICY_CHANGED,
            actor,
            about="policy",
            revision=checked.revision,
            before=revision.removed,
            after=revision.added,
            note=note,
            detail={
                "number": str(revision.number),
                "etag_before": draft.base,
                "etag": revision.etag,
            },
        )
        recorded = revision

    try:
        _refuse_rows(context, actor, draft)
        revision = _make(
            context,
            draft,
            author=actor.name,
            note=note.strip(),
            check=check,
            before_commit=before_commit,
        )
    except (LockedOut, LastAdmin) as error:
        context.record(
            EventTag.POLICY_CHANGE_REFUSED,
            actor,
            about="policy",
            reason=_REASONS[type(error)],
            note=note,
        )
        raise
    except LookupError as error:
        raise _not_found(error) from error
    except StoreReadOnly as error:
        if not reach_of(context, actor).is_all:
            error.patch = ""  # lines stand in it that are not theirs to see
        raise
    except BaseException as error:
        if recorded is not None:
            _note_failure(context, actor, recorded, error)
        raise
    context.runtime.refresh()
    return Applied(revision=revision, entries=left)


def _refuse_rows(context: AdminContext, actor: Actor, draft: Draft) -> None:
    """Refuse rows that are not *actor*'s before the store says whether they are there.

    Raises:
        BeyondReach: if there are some.
    """
    for change in draft.changes:
        if isinstance(change, Add | Replace):
            refuse_row(context, actor, change.row)


def _make(
    context: AdminContext, draft: Draft, **terms: Unpack[ChangeTerms]
) -> Revision:
    """Let the store make the changes of *draft*, or go back."""
    records = context.records
    if draft.restores is not None:
        return records.go_back(draft.restores, expected=draft.base, **terms)
    return records.apply(draft.changes, expected=draft.base, **terms)


def _new_rows(
    before: Sequence[Entry], after: Sequence[Entry]
) -> Iterator[tuple[str, ...]]:
    """Yield the kind and fields of each row that comes."""
    known = {entry.row[:2] for entry in before}
    for entry in after:
        if entry.row[:2] not in known:
            yield (entry.row.kind, *entry.row.fields)


def _would_be(context: AdminContext, actor: Actor, draft: Draft) -> Sequence[Entry]:
    """Return the entries that *draft* would leave.

    Raises:
        PolicyError: with why it would leave none.
        NotFound: if a change names an entry that is not there.
    """
    records = context.records
    try:
        if draft.restores is not None:
            return records.at(draft.restores).entries
        return records.would_be(draft.changes, expected=draft.base, author=actor.name)
    except LookupError as error:
        raise _not_found(error) from error
    except StoreConflict as error:
        raise PolicyError([_conflict()]) from error
    except StoreError as error:
        raise PolicyError([_as_problem(error)]) from error


def _note_failure(
    context: AdminContext, actor: Actor, revision: Revision, error: BaseException
) -> None:
    """Write down that what was written down did not happen."""
    context.record(
        EventTag.POLICY_CHANGE_FAILED,
        actor,
        about="policy",
        reason=type(error).__name__,
        detail={"number": str(revision.number), "etag": revision.etag},
    )


def _not_found(error: LookupError) -> NotFound:
    if type(error) is not LookupError:
        raise error  # a mistake of ours, not of who asks
    return NotFound(str(error))


def _conflict() -> Problem:
    return Problem(
        where="policy",
        message="somebody else changed the policy since this draft was begun",
        hint="look at it again and repeat the change",
    )


def _as_problem(error: AuthzError) -> Problem:
    return Problem(where="policy", message=error.message, hint=error.hint)
