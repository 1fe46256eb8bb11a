"""Whoever changes something and asks another process at once is told the new state.

The answer to a change carries a mark of the store as the change left it: a header for
programs, a cookie for browsers, for half a minute. A request that shows one which this
process has not come to looks at the store first, once. The marks are signed with what
only processes that share the store know, so that nobody makes anybody look. A file has
no numbers: its mark is of the state itself.
"""

import hmac
from hashlib import sha256
from typing import Final

from flask import Blueprint, request
from werkzeug.wrappers import Response

from authz.decision import SAFE_METHODS
from authz.errors import StoreError
from authz.identity.cookies import Cookie
from authz.identity.source import RequestFacts
from authz.runtime import Runtime
from authz.stores.file.key import shared_key
from authz.stores.marks import PARTS
from authz.stores.restores import RestoreWatch
from authz.web.cookies import Cookies

HEADER: Final = "Authz-Mark"
KEY: Final = "HTTP_AUTHZ_MARK"
_SECONDS: Final = 30
_MAX: Final = 200
_BAD: Final = 400
#: More marks than are given out in half a minute.
_LOOKED_FOR: Final = 256


class OwnWrites:
    """Gives marks out, and comes up to those that are shown."""

    def __init__(self, runtime: Runtime, watch: RestoreWatch | None) -> None:
        """Serve *runtime*, whose marks *watch* follows if there is a database."""
        self._runtime = runtime
        self._watch = watch
        self._in_file = not runtime.settings.store.holds_rules
        #: Marks that were looked for; the newest last.
        self._looked_for: dict[str, None] = {}
        settings = runtime.settings
        # Where nobody can change anything there is nothing to come up to.
        self._key_of_file = (
            shared_key(settings.policy)
            if watch is None and settings.admin.policy_writable
            else None
        )

    def catch_up(self, facts: RequestFacts) -> None:
        """Look at the store if the request shows a mark this process has not come to.

        Raises:
            StoreError: if the store cannot be read.
        """
        shown = facts.environ.get(KEY)
        if shown is None:
            shown = self._runtime.cookies.value(Cookie.MARK, facts)
        if not shown:
            return
        said, _, _ = str(shown)[:_MAX].rpartition(".")
        signed = self._signed(said)
        if signed is None or not hmac.compare_digest(
            str(shown)[:_MAX].encode("ascii", "replace"), signed.encode()
        ):
            return
        if said in self._looked_for:
            return
        *numbers, file = said.split(".")
        if (self._in_file and file != self._file()) or self._is_ahead(numbers):
            self._runtime.following.catch_up()
            if self._runtime.following.is_failing:
                return
            # It was there before anybody could show it, so one look finds it, or what
            # has come after it; or a backup was restored, and nothing ever will.
            self._looked_for[said] = None
            while len(self._looked_for) > _LOOKED_FOR:
                self._looked_for.pop(next(iter(self._looked_for)), None)

    def tell_with(self, blueprint: Blueprint) -> None:
        """Have each change that *blueprint* makes carry its mark."""
        blueprint.after_request(self._tell)

    def _tell(self, response: Response) -> Response:
        if request.method in SAFE_METHODS or response.status_code >= _BAD:
            return response
        try:
            mark = self._mark()
        except StoreError:
            return response  # the change is made; the others find out by themselves
        if mark is None:
            return response
        response.headers[HEADER] = mark
        if "Cookie" in request.headers or "Set-Cookie" in response.headers:
            facts, cookies = RequestFacts(request.environ), self._runtime.cookies
            Cookies(cookies).give(response, facts, Cookie.MARK, mark, max_age=_SECONDS)
        return response

    def _mark(self) -> str | None:
        """Return what stands for the store as it is now; None if nobody could tell.

        Raises:
            StoreError: if it cannot be read.
        """
        database = self._runtime.stores.database
        head = None if database is None else database.head()
        numbers = [] if head is None else [getattr(head, p).number for p in PARTS]
        file = self._file() if self._in_file else ""
        return self._signed(".".join([*map(str, numbers), file]))

    def _file(self) -> str:
        """Return what stands for the state of the file that was read last."""
        return sha256(repr(self._runtime.live.mark).encode()).hexdigest()[:16]

    def _is_ahead(self, numbers: list[str]) -> bool:
        if self._watch is None or len(numbers) != len(PARTS):
            return False
        head = self._watch.head
        return any(
            int(number) > getattr(head, part).number
            for part, number in zip(PARTS, numbers, strict=True)
        )

    def _signed(self, said: str) -> str | None:
        """Return the mark that says *said*; None where nobody has a key."""
        key = self._key
        if key is None:
            return None
        digest = hmac.new(key, said.encode("ascii", "replace"), sha256).hexdigest()
        return f"{said}.{digest[:32]}"

    @property
    def _key(self) -> bytes | None:
        """What only processes know that share the store."""
        if self._watch is not None:
            return self._watch.head.policy.incarnation.encode()
        return self._key_of_file
