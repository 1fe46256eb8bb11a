"""`policy.csv` as a store of entries: written if the operator says so, else a patch.

The file is the truth. An entry is named by its line, and the digest of the whole file
is what a writer must have seen. Who wrote an entry and when, the file does not know;
Git does, or the history beside a file that is written here.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Unpack

from authz.audit import Clock, utc_now
from authz.errors import PolicyError, StoreConflict, StoreError, StoreReadOnly
from authz.policy.csv_edit import edited, patch, read_entries
from authz.policy.recent_rows import RecentRows
from authz.policy.records import (
    Change,
    ChangeTerms,
    Entry,
    Revision,
    Snapshot,
    differences,
)
from authz.stores.file.history import CsvHistory
from authz.stores.file.policy import CsvFile, Mark, Writing, digest

#: The etag of a file that is not there.
_GONE: Final = "gone"
_log: Final = logging.getLogger("authz")


class CsvRecords:
    """The entries of one policy file."""

    def __init__(
        self,
        file: CsvFile,
        *,
        source: str,
        history: CsvHistory | None = None,
        clock: Clock = utc_now,
        recent: RecentRows | None = None,
    ) -> None:
        """Keep entries in *file*, which origins and patches call *source*.

        With a *history* the file may be written; without one changes are made
        elsewhere, and every change is answered with its patch. Whoever else reads the
        file knows the *recent* states too.
        """
        self._file = file
        self._source = source
        self._history = history
        self._clock = clock
        self._recent = RecentRows() if recent is None else recent
        #: The digest of a file that is known to have a revision.
        self._noted = ""
        # What the file was when it was looked at last, swapped whole.
        self._newest: tuple[Mark, Snapshot] | None = None

    @property
    def read_only(self) -> bool:
        """Whether changes are made elsewhere."""
        return self._history is None

    def etag(self) -> str:
        """Return what names the state now, readable or not. Raises `StoreError`."""
        return digest(self._file.read()) if self._file.path.exists() else _GONE

    def snapshot(self) -> Snapshot:
        """Return the state now. Raises `StoreError` and `PolicyError`."""
        newest = self._newest
        found = self._file.changed(newest and newest[0])
        if found is None:
            assert newest is not None  # noqa: S101 - it has not changed since
            return newest[1]
        mark, data = found
        number = 0 if self._history is None else self._history.number_of(mark.digest)
        snapshot = Snapshot(
            entries=self._entries(data), number=number, etag=mark.digest
        )
        self._newest = mark, snapshot
        return snapshot

    def would_be(
        self,
        changes: Iterable[Change],
        *,
        expected: str,
        author: str,  # noqa: ARG002 - a file knows of none
    ) -> Sequence[Entry]:
        """Return the entries that *changes* would leave; see `PolicyRecords`."""
        return self._entries(self._edited(self._read(expected), changes))

    def apply(
        self,
        changes: Iterable[Change],
        *,
        expected: str,
        **terms: Unpack[ChangeTerms],
    ) -> Revision:
        """Make *changes*, all of them or none; see `PolicyRecords.apply`."""
        return self._change(
            lambda before: self._edited(before, changes), expected, terms
        )

    def go_back(
        self,
        number: int,
        *,
        expected: str,
        **terms: Unpack[ChangeTerms],
    ) -> Revision:
        """Make the file what revision *number* left, to the byte."""
        return self._change(lambda _: self._content(number), expected, terms)

    def note_edit(self, in_force: str) -> None:
        """Keep a revision of a file that was edited by hand, if there is none yet.

        Only of what is *in_force*, the digest of a file. Raises `StoreError`.
        """
        if self._history is None or in_force == self._noted:
            return
        with self._file.writing() as file:
            if file.before is None or digest(file.before) != in_force:
                return  # it has changed again, and is looked at again
            self._history.note_found(file.before, at=self._clock())
        self._noted = in_force

    def _read(self, expected: str) -> bytes:
        return self._as_expected(self._file.read(), expected)

    def _as_expected(self, before: bytes, expected: str) -> bytes:
        if digest(before) != expected:
            raise StoreConflict(
                f"{self._source}: somebody else changed the policy",
                "look at it again and repeat the change",
            )
        return before

    def _change(
        self, make: Callable[[bytes], bytes], expected: str, terms: ChangeTerms
    ) -> Revision:
        """Put what *make* makes of the file into its place."""
        history = self._history
        if history is None:
            before = self._read(expected)
            after = make(before)
            if after == before:
                return self._newest_revision(after)
            terms["check"](self._readable(before), self._entries(after))
            raise StoreReadOnly(
                f"{self._source}: the policy is changed where the file is kept",
                "apply the patch there, or set AUTHZ_POLICY_WRITABLE",
                patch=patch(before, after, name=self._source.lstrip("/")),
            )
        with self._file.writing() as file:
            is_gone = expected == _GONE and file.before is None
            if not is_gone:
                self._as_expected(
                    self._file.read() if file.before is None else file.before, expected
                )
            after = make(file.before or b"")
            if after == file.before:
                return self._newest_revision(after)
            return self._replace(file, after, terms, history)

    def _replace(
        self, file: Writing, after: bytes, terms: ChangeTerms, history: CsvHistory
    ) -> Revision:
        old, new = self._readable(file.before or b""), self._entries(after)
        added, removed = differences(old, new)
        revision = Revision(
            number=0,
            etag=digest(after),
            at=self._clock(),
            author=terms["author"],
            note=terms["note"],
            added=added,
            removed=removed,
        )

        def last() -> None:
            nonlocal revision
            terms["check"](old, new)
            if file.before is None:
                number = history.number_of(_GONE)
            else:
                number = history.note_found(file.before, at=revision.at) + 1
            revision = replace(revision, number=number)
            terms["before_commit"](revision)

        file.replace(after, last=last)
        # Still locked: nobody takes it for an edit by hand.
        try:
            history.keep(revision, after)
        except StoreError:
            # The change is made. The next one notes this state as found.
            _log.exception("the change is in force, but its history is not kept")
        return revision

    def _readable(self, data: bytes) -> tuple[Entry, ...]:
        """Return the entries of *data*; none if it is no policy: it decides nothing."""
        try:
            return self._entries(data)
        except PolicyError:
            return ()

    def history(self, *, limit: int, before: int | None = None) -> Sequence[Revision]:
        """Return the newest revisions first; none for a file that Git keeps."""
        if self._history is None:
            return ()
        return self._history.newest(limit=limit, before=before)

    def at(self, number: int) -> Snapshot:
        """Return the state as revision *number* left it. Raises `LookupError`."""
        data = self._content(number)
        entries = read_entries(data, source=self._source)
        return Snapshot(entries=entries, number=number, etag=digest(data))

    def _content(self, number: int) -> bytes:
        if self._history is None:
            raise LookupError("the history of this file is kept in Git")
        return self._history.content(number)

    def _newest_revision(self, data: bytes) -> Revision:
        etag = digest(data)
        for newest in self.history(limit=1):
            if newest.etag == etag:
                return newest
        number = 0 if self._history is None else self._history.number_of(etag)
        return Revision(number=number, etag=etag, at=self._clock(), author="", note="")

    def _entries(self, data: bytes) -> tuple[Entry, ...]:
        return read_entries(data, source=self._source, recent=self._recent)

    def _edited(self, data: bytes, changes: Iterable[Change]) -> bytes:
        return edited(data, changes, source=self._source, recent=self._recent)
