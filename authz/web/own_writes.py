"""Whoever changes something and asks another process at once is told the new state.

The answer to a change carries a mark of the store as the change left it: a header for
programs, a cookie for browsers, for half a minute. A request that shows one which this
process has not come to looks at the store first. The marks are signed with what only
processes that share the store know, so that nobody makes anybody look.
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
from authz.stores.marks import PARTS, Head
from authz.stores.restores import RestoreWatch

HEADER: Final = "Authz-Mark"
KEY: Final = "HTTP_AUTHZ_MARK"
_SECONDS: Final = 30
_MAX: Final = 200
_BAD: Final = 400


class OwnWrites:
    """Gives marks out, and comes up to those that are shown."""

    def __init__(self, runtime: Runtime, watch: RestoreWatch) -> None:
        """Serve *runtime*, whose marks *watch* follows."""
        self._runtime = runtime
        self._watch = watch

    def catch_up(self, facts: RequestFacts) -> None:
        """Look at the store if the request shows a mark this process has not come to.

        Raises:
            StoreError: if the store cannot be read.
        """
        shown = facts.environ.get(KEY)
        if shown is None:
            shown = self._runtime.cookies.value(Cookie.MARK, facts)
        if shown and self._is_ahead(str(shown)[:_MAX]):
            self._runtime.following.catch_up()

    def tell_with(self, blueprint: Blueprint) -> None:
        """Have each change that *blueprint* makes carry its mark."""
        blueprint.after_request(self._tell)

    def _tell(self, response: Response) -> Response:
        if request.method in SAFE_METHODS or response.status_code >= _BAD:
            return response
        database = self._runtime.stores.database
        if database is None:
            return response
        try:
            mark = mark_of(database.head())
        except StoreError:
            return response  # the change is made; the others find out by themselves
        response.headers[HEADER] = mark
        if "Cookie" in request.headers or "Set-Cookie" in response.headers:
            facts = RequestFacts(request.environ)
            names = self._runtime.cookies
            response.set_cookie(
                names.name(Cookie.MARK, facts),
                mark,
                max_age=_SECONDS,
                **names.attributes(Cookie.MARK, facts),
            )
        return response

    def _is_ahead(self, shown: str) -> bool:
        head = self._watch.head
        numbers, _, _ = shown.rpartition(".")
        if not hmac.compare_digest(
            shown.encode("ascii", "replace"), _signed(numbers, head).encode()
        ):
            return False
        wanted = map(int, numbers.split("."))
        return any(
            number > getattr(head, part).number
            for part, number in zip(PARTS, wanted, strict=True)
        )


def mark_of(head: Head) -> str:
    """Return what stands for *head*, for processes that share the store."""
    numbers = ".".join(str(getattr(head, part).number) for part in PARTS)
    return _signed(numbers, head)


def _signed(numbers: str, head: Head) -> str:
    key = head.policy.incarnation.encode()
    digest = hmac.new(key, numbers.encode("ascii", "replace"), sha256).hexdigest()
    return f"{numbers}.{digest[:32]}"
