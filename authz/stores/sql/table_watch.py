"""Notices that another program changes our tables, where nothing comes of it.

It may write into casbin_rule, or into the rules themselves.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from authz.errors import StoreError, StoreUnreachable
from authz.spot_checks import SpotChecks, listed
from authz.stores.sql.records import SqlRecords

_log: Final = logging.getLogger("authz")

#: Told which lines were added there, and which removed.
Tell = Callable[[Sequence[str], Sequence[str]], object]


class TableWatch:
    """Compares casbin_rule with what authz has written there, now and then."""

    def __init__(
        self,
        records: SqlRecords,
        *,
        tell: Tell,
        doubt: Callable[[Exception | None], object],
    ) -> None:
        """Watch the table of *records*; *tell* is called once for each difference.

        *doubt* is called with why the rules cannot be read, or None if they can.
        """
        self._records = records
        self._tell = tell
        self._doubt = doubt
        self._checks = SpotChecks()
        #: What is there and not in force, as lines, and what is in force and not there.
        self.added: Sequence[str] = ()
        self.removed: Sequence[str] = ()

    def look(self) -> None:
        """Look, if it is time to. Raises `StoreError`."""
        if not self._checks.is_due:
            return
        try:
            with self._checks.one():
                records = self._records
                found = ((), ()) if records.is_shown() else records.foreign()
        except StoreUnreachable:
            raise  # nobody knows what it holds
        except StoreError as error:
            self._doubt(error)
            raise
        self._doubt(None)
        if found != (self.added, self.removed):
            self._note(found)
        self._records.refuse_cut_history()

    def _note(self, found: tuple[Sequence[str], Sequence[str]]) -> None:
        self.added, self.removed = found
        if not any(found):
            _log.warning("the table casbin_rule is again what authz has written there")
            return
        lines = [f"+ {line}" for line in self.added] + [f"- {x}" for x in self.removed]
        _log.error(
            "another program changed the table casbin_rule, which is not in force and "
            "keeps everybody from changing rules (%s): undo it there, and make the "
            "change in authz",
            listed(lines),
        )
        self._tell(self.added, self.removed)
