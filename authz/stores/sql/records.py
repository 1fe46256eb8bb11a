"""Policy entries in a database: changed in one transaction, with their history."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Unpack

from sqlalchemy import Connection, delete, insert, select, update

from authz.audit import Clock, utc_now
from authz.errors import StoreConflict, StoreError
from authz.policy.normalize import Normalize, normalize_row
from authz.policy.records import (
    Change,
    ChangeTerms,
    Entry,
    Revision,
    Snapshot,
    changes_between,
)
from authz.stores.marks import Mark
from authz.stores.sql import projection
from authz.stores.sql.changes import (
    Step,
    apply_changes,
    entries_digest,
    fingerprint,
    lines,
    read_steps,
    steps,
    undone,
    write_steps,
)
from authz.stores.sql.database import Database
from authz.stores.sql.head import head, stamped
from authz.stores.sql.json_columns import as_written
from authz.stores.sql.known_entries import KnownEntries
from authz.stores.sql.tables import (
    authz_head,
    authz_revision,
    authz_rule,
    casbin_rule,
)

#: Revisions that are kept unless a setting says otherwise.
KEPT: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What a reader or writer finds."""

    entries: tuple[Entry, ...]
    number: int
    digest: str
    #: Ids that no entry ever had.
    ids: Iterator[int] = field(repr=False)

    def new_id(self) -> str:
        return str(next(self.ids))


class SqlRecords:
    """The rules and grants in one database."""

    read_only = False

    def __init__(
        self,
        database: Database,
        *,
        normalize: Normalize = normalize_row,
        kept: int = KEPT,
        clock: Clock = utc_now,
    ) -> None:
        """Use *database*, which `migrate` has prepared.

        *normalize* writes out what rows of the model in use may leave out; of the
        history the last *kept* revisions stay.
        """
        self._database = database
        self._normalize = normalize
        self._kept = kept
        self._clock = clock
        self._known = KnownEntries(normalize)
        # One reference, swapped whole: threads may read while one writes.
        self._newest_read: tuple[Mark, Snapshot] | None = None

    def etag(self) -> str:
        """Return the etag of the state now. Raises `StoreError`."""
        with self._database.read() as connection:
            row = connection.execute(select(authz_head)).one()
        return _etag(row.revision, row.digest)

    def snapshot(self) -> Snapshot:
        """Return the state now.

        Raises:
            StoreError: if it cannot be read, or is not what authz wrote.
        """
        return self._now()[1]

    def changed(self, since: Hashable) -> tuple[Mark, Snapshot] | None:
        """Return the state now with its mark; None if that still is *since*."""
        now = self._now()
        return None if now[0] == since else now

    def _now(self) -> tuple[Mark, Snapshot]:
        """Return the state now and its mark; while that is the same, as it was read."""
        with self._database.read() as connection:
            mark = head(self._database).policy
            newest = self._newest_read
            if newest is None or newest[0] != mark:
                state = self._state(connection)
                found = _snapshot(state.number, state.digest, state.entries)
                # Of a change that is undone, too: no state has its mark again.
                newest = self._newest_read = mark, found
        return newest

    def would_be(
        self, changes: Iterable[Change], *, expected: str, author: str
    ) -> Sequence[Entry]:
        """Return the entries that *changes* would leave; see `PolicyRecords`."""
        with self._database.read() as connection:
            state = self._state(connection)
            return self._after(connection, state, changes, expected, author)[0]

    def apply(
        self,
        changes: Iterable[Change],
        *,
        expected: str,
        **terms: Unpack[ChangeTerms],
    ) -> Revision:
        """Make *changes*, all of them or none; see `PolicyRecords`."""
        with self._database.write() as connection:
            state = self._state(connection)
            after, made = self._after(
                connection, state, changes, expected, terms["author"]
            )
            if not made:
                return self._newest(state)
            projection.change(connection, made, self._normalize)
            return self._keep(connection, state, after, made, terms)

    def go_back(
        self,
        number: int,
        *,
        expected: str,
        **terms: Unpack[ChangeTerms],
    ) -> Revision:
        """Make the rules what revision *number* left; see `PolicyRecords`."""
        return self.apply(
            changes_between(self.snapshot().entries, self.at(number).entries),
            expected=expected,
            **terms,
        )

    def history(self, *, limit: int, before: int | None = None) -> Sequence[Revision]:
        """Return the newest revisions first, those below number *before*."""
        query = select(authz_revision).order_by(authz_revision.c.number.desc())
        if before is not None:
            query = query.where(authz_revision.c.number < before)
        with self._database.read() as connection:
            return tuple(map(_revision, connection.execute(query.limit(limit))))

    def at(self, number: int) -> Snapshot:
        """Return the state as revision *number* left it."""
        newer = (
            select(authz_revision)
            .where(authz_revision.c.number >= number)
            .order_by(authz_revision.c.number.desc())
        )
        with self._database.read() as connection:
            entries = self._state(connection).entries
            revisions = connection.execute(newer).all()
        if not revisions or revisions[-1].number != number:
            raise LookupError(f"revision {number} is not kept, or was never made")
        for revision in revisions[:-1]:
            entries = undone(entries, _made(revision))
        if entries_digest(entries) != revisions[-1].digest:
            raise StoreError(
                f"{self._database.shown}: the history does not lead back to revision "
                f"{number}: somebody changed the table authz_revision"
            )
        return _snapshot(number, revisions[-1].digest, entries)

    def is_shown(self) -> bool:
        """Return whether casbin_rule is just what authz has written there."""
        with self._database.read() as connection:
            # First, so that a restore waits for all that follows, or this for it.
            self._database.refuse_unfit(connection)
            return self._is_shown(connection, self._state(connection))

    def refuse_cut_history(self) -> None:
        """Refuse a history that does not end at the state now.

        Raises:
            StoreError: if the newest revision is not there, or another one.
        """
        newest = select(authz_revision.c.number, authz_revision.c.digest)
        newest = newest.order_by(authz_revision.c.number.desc()).limit(1)
        with self._database.read() as connection:
            self._database.refuse_unfit(connection)
            now = connection.execute(select(authz_head)).one()
            row = connection.execute(newest).first()
        found = (0, "") if row is None else tuple(row)
        if now.revision and found != (now.revision, now.digest):
            raise StoreError(
                f"{self._database.shown}: the history ends at revision {found[0]}, and "
                f"in force is {now.revision}: another program changed the table "
                "authz_revision; restore the backup"
            )

    def foreign(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the lines that another program added to casbin_rule, and removed.

        They are not in force. `adopt` puts them in force; `restore` undoes them.
        """
        with self._database.read() as connection:
            self._database.refuse_unfit(connection)
            state = self._state(connection)
            return lines(steps(state.entries, self._adopted(connection, state)))

    def adopt(self, **terms: Unpack[ChangeTerms]) -> Revision:
        """Put in force what another program wrote into casbin_rule.

        Before the first revision that is the whole policy. Raises as `apply` does.
        """
        with self._database.write() as connection:
            state = self._state(connection)
            after = self._adopted(connection, state)
            made = steps(state.entries, after)
            projection.rewrite(connection, after, self._normalize)
            if not made:
                return self._newest(state)
            return self._keep(connection, state, after, made, terms)

    def restore(self) -> None:
        """Write into casbin_rule what is in force, and nothing else."""
        with self._database.write() as connection:
            entries = self._state(connection).entries
            projection.rewrite(connection, entries, self._normalize)

    def _after(
        self,
        connection: Connection,
        state: _State,
        changes: Iterable[Change],
        expected: str,
        author: str,
    ) -> tuple[tuple[Entry, ...], tuple[Step, ...]]:
        """Return what *changes* make of *state*, and what differs then."""
        if _etag(state.number, state.digest) != expected:
            raise StoreConflict(
                "somebody else changed the policy, which is at revision "
                f"{state.number} now",
                "look at it and repeat the change",
            )
        self._refuse_foreign(connection, state)
        return apply_changes(
            state.entries,
            changes,
            normalize=self._normalize,
            new_id=state.new_id,
            author=author,
            now=self._clock(),
        )

    def _state(self, connection: Connection) -> _State:
        now = connection.execute(select(authz_head)).one()
        rows = connection.execute(select(authz_rule).order_by(authz_rule.c.id))
        entries, digest = self._known.of(rows)
        if now.revision and digest != now.digest:
            raise StoreError(
                f"{self._database.shown}: the rules are not what revision "
                f"{now.revision} left: somebody changed the table authz_rule by hand; "
                "restore the backup"
            )
        # Whatever somebody made of the counter: no entry takes the place of another.
        unused = int(entries[-1].id) + 1 if entries else 1
        return _State(
            entries=entries,
            number=now.revision,
            digest=digest,
            ids=count(max(now.next_rule, unused)),
        )

    def _adopted(self, connection: Connection, state: _State) -> tuple[Entry, ...]:
        found = projection.found_rows(connection)
        return projection.adopted(
            state.entries, found, normalize=self._normalize, new_id=state.new_id
        )

    def _is_shown(self, connection: Connection, state: _State) -> bool:
        rows = connection.execute(select(casbin_rule).order_by(casbin_rule.c.id))
        return self._known.are_shown(state.entries, rows)

    def _refuse_foreign(self, connection: Connection, state: _State) -> None:
        if not self._is_shown(connection, state):
            raise StoreError(
                f"{self._database.shown}: another program changed the table "
                "casbin_rule, which authz writes itself: undo that there, and make the "
                "change here"
            )

    def _keep(
        self,
        connection: Connection,
        state: _State,
        after: tuple[Entry, ...],
        made: tuple[Step, ...],
        terms: ChangeTerms,
    ) -> Revision:
        """Write the entries and the revision; then ask whether they may stay."""
        number, digest = state.number + 1, entries_digest(after)
        projection.remove_before(connection, made, authz_rule)
        rows = [_values(step.after, self._normalize) for step in made if step.after]
        if rows:
            connection.execute(insert(authz_rule), rows)
        values: dict[str, Any] = {
            "number": number,
            "digest": digest,
            "at": self._clock(),
            "author": terms["author"],
            "note": terms["note"],
            "changes": write_steps(made),
        }
        connection.execute(insert(authz_revision).values(values))
        connection.execute(
            delete(authz_revision).where(authz_revision.c.number <= number - self._kept)
        )
        highest = max((int(entry.id) for entry in after), default=0)
        connection.execute(
            update(authz_head).values(
                revision=number,
                digest=digest,
                next_rule=max(next(state.ids), highest + 1),
                **stamped("policy"),
            )
        )
        self._database.announce()
        added, removed = lines(made)
        revision = Revision(
            number=number,
            etag=_etag(number, digest),
            at=values["at"],
            author=terms["author"],
            note=terms["note"],
            added=added,
            removed=removed,
        )
        terms["check"](state.entries, after)
        terms["before_commit"](revision)
        return revision

    def _newest(self, state: _State) -> Revision:
        for newest in self.history(limit=1):
            return newest
        return Revision(
            number=0,
            etag=_etag(0, state.digest),
            at=self._clock(),
            author="",
            note="",
        )


def _values(entry: Entry, normalize: Normalize) -> dict[str, Any]:
    return {
        **projection.as_values(entry.id, entry.row),
        "note": entry.note,
        "author": entry.author,
        "created": entry.created,
        "disabled": entry.disabled,
        "fingerprint": fingerprint(normalize(entry.row)),
    }


def _made(found: Any) -> tuple[Step, ...]:
    with as_written(authz_revision.c.changes, found):
        return read_steps(found.changes)


def _revision(found: Any) -> Revision:
    added, removed = lines(_made(found))
    return Revision(
        number=found.number,
        etag=_etag(found.number, found.digest),
        at=found.at,
        author=found.author,
        note=found.note,
        added=added,
        removed=removed,
    )


def _snapshot(number: int, digest: str, entries: tuple[Entry, ...]) -> Snapshot:
    return Snapshot(entries=entries, number=number, etag=_etag(number, digest))


def _etag(number: int, digest: str) -> str:
    return f"{number}-{digest[:16]}"
