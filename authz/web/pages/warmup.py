"""What the pages need to know of a new policy, found out before somebody asks.

With ten thousand rules that takes some tenths of a second. It is done in the
background, after the policy is in force, while somebody uses the pages; where nobody
does, no time and no memory is spent.
"""

import time
from collections.abc import Hashable
from typing import Final

from authz.admin.roles import grants_now
from authz.errors import PolicyError, StoreError
from authz.web.pages.base import AdminPages
from authz.web.pages.matrix import Matrix
from authz.web.pages.roles import RoleBook
from authz.web.pages.routes import RouteTable

#: Seconds after the last page in which somebody is expected to open another.
_EXPECTED: Final = 1800.0


class Warmup:
    """Prepares the pages of one app for each new policy."""

    def __init__(
        self, pages: AdminPages, table: RouteTable, book: RoleBook, matrix: Matrix
    ) -> None:
        """Prepare *table*, *book* and *matrix*, while *pages* are used."""
        self._pages = pages
        self._table = table
        self._book = book
        self._matrix = matrix
        self._prepared: Hashable = None

    def prepare(self) -> None:
        """Find out what is not known yet. Called after each look at the store."""
        pages = self._pages
        if not pages.sent or time.monotonic() - pages.sent > _EXPECTED:
            return
        state = pages.runtime.policy.revision, pages.runtime.live.mark
        if state == self._prepared:
            return
        self._prepared = state
        try:
            grants_now(pages.context)
            self._book.every()
            self._matrix.ground(self._matrix.usual_scope())
        except (StoreError, PolicyError):
            pass  # the pages say so to whoever opens one
        self._table.covered()
        pages.names()
