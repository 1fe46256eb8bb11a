"""The draft that somebody is working on, kept in their own browser.

Nothing of it is kept on the server, so any process can go on with it. The cookie is
sealed with the token of their forms: it is theirs alone, ends with their session, and a
cookie that somebody else planted is no draft.
"""

import base64
import binascii
import hashlib
import hmac
import zlib
from typing import Final

from flask import request
from werkzeug.wrappers import Response

from authz.admin import drafts
from authz.admin.changes import Draft
from authz.admin.context import AdminContext
from authz.errors import AuthzError, NotFound
from authz.identity.cookies import Cookie
from authz.identity.source import RequestFacts
from authz.policy.records import Change
from authz.web.cookies import Cookies

#: Browsers keep cookies of up to 4096 bytes, name and attributes included.
_MAX: Final = 3700
_MAX_TEXT: Final = 256 * 1024


class DraftTooLong(AuthzError):
    """A draft holds more than a browser keeps; apply it in parts."""


class DraftKeeper:
    """Keeps each visitor's draft in a cookie of theirs."""

    def __init__(self, context: AdminContext) -> None:
        """Keep drafts for the policy of *context*."""
        self._context = context
        self._path = f"{context.settings.url_prefix}/admin/"

    def current(self, key: str) -> Draft | None:
        """Return the draft in the visitor's cookie, if *key* opens it."""
        value = request.cookies.get(self._name(), "")
        sealed, _, seal = value.rpartition(".")
        if not sealed or not hmac.compare_digest(_seal(sealed, key), seal.encode()):
            return None
        try:
            inflate = zlib.decompressobj()
            packed = base64.urlsafe_b64decode(sealed)
            return drafts.from_text(inflate.decompress(packed, _MAX_TEXT).decode())
        except (NotFound, ValueError, binascii.Error, zlib.error):
            return None

    def amended(self, draft: Draft | None, *changes: Change) -> Draft:
        """Return *draft*, or a new one, with *changes* behind what it has.

        Raises as `drafts.amended` does.
        """
        return drafts.amended(
            self._context, draft or drafts.begin(self._context), *changes
        )

    def toggled(self, draft: Draft | None, *changes: Change) -> Draft:
        """Return *draft* with each of *changes*, or without what it would take back.

        Raises as `drafts.amended` does.
        """
        for change in changes:
            undone = drafts.undone(draft, change) if draft else None
            draft = self.amended(draft, change) if undone is None else undone
        return draft or drafts.begin(self._context)

    def keep(self, response: Response, draft: Draft, key: str) -> None:
        """Keep *draft* in the visitor's browser; an empty one is forgotten.

        Raises:
            DraftTooLong: if it does not fit.
        """
        if not draft.changes:
            self.forget(response)
            return
        packed = zlib.compress(drafts.as_text(draft).encode(), 9)
        sealed = base64.urlsafe_b64encode(packed).decode()
        value = f"{sealed}.{_seal(sealed, key).decode()}"
        if len(value) > _MAX:
            raise DraftTooLong(
                f"the draft has {len(draft.changes)} changes, more than a browser "
                "keeps",
                "apply these first",
            )
        self._set(response, value)

    def forget(self, response: Response) -> None:
        """Take the draft from the visitor's browser."""
        if self._name() in request.cookies:
            self._set(response, "", max_age=0)

    def _set(self, response: Response, value: str, max_age: int | None = None) -> None:
        Cookies(self._context.runtime.cookies).give(
            response,
            RequestFacts(request.environ),
            Cookie.DRAFT,
            value,
            max_age=max_age,
            path=request.script_root + self._path,
        )

    def _name(self) -> str:
        names = self._context.runtime.cookies
        return names.name(Cookie.DRAFT, RequestFacts(request.environ))


def _seal(sealed: str, key: str) -> bytes:
    text = f"authz draft {sealed}".encode()
    digest = hmac.digest(key.encode(), text, hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=")
