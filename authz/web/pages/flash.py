"""What is said once, on the page after a form was sent, such as "Bob was added".

It travels in a cookie for a minute. The cookie names one of the sentences here and
gives it a word to fill in, so nobody can make the pages say something else.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Final

from flask import current_app, request
from werkzeug.wrappers import Response

from authz.identity.cookies import Cookie, CookieNames
from authz.identity.source import RequestFacts
from authz.web.cookies import Cookies

_SECONDS: Final = 60
_MAX: Final = 400

SENTENCES: Final = {
    "person-added": "{} was added.",
    "person-added-roles": "{} was added, and has the roles you chose.",
    "role-in-force": "They have {} from now on.",
    "role-taken": "They no longer have {}. You can undo this on the page Changes.",
    "person-added-draft": "{} was added. The roles are in your draft below; apply it.",
    "person-added-bare": "{} was added, but without roles: your draft could not take "
    "them. Give them here once it is applied.",
    "several-give": "{} of them have the role from now on.",
    "several-disable": "Disabled: {} of them.",
    "several-enable": "Enabled again: {} of them.",
    "person-password": "{} has a new password, and has to sign in again everywhere.",
    "person-changed": "{} was changed.",
    "person-removed": "{} was removed.",
    "password-changed": "The password was changed. Other sessions have ended.",
    "signed-out": "{} was signed out everywhere.",
    "session-ended": "That session has ended.",
    "sessions-ended": "Your other sessions have ended: {}.",
    "role-given": "The change is in the draft: {}.",
    "draft-changed": "The draft was changed. Nothing is in force yet.",
    "draft-discarded": "The draft was discarded. Nothing was changed.",
    "draft-rebased": "The draft now builds on the newest revision. Look at it again.",
    "draft-rebased-less": "The draft now builds on the newest revision. What somebody "
    "else has changed meanwhile was left out: {} of its changes.",
    "applied": "The change is in force as revision {}.",
    "rolled-back": "Taken back. The rules are those of revision {} again.",
    "token-revoked": "The token {} does not work any more.",
    "rechecked": "The policy was read again.",
}


def teach(sentences: Mapping[str, str]) -> None:
    """Let the pages of an adapter say *sentences* too, by their codes."""
    SENTENCES.update(sentences)


def say(response: Response, code: str, word: str = "") -> None:
    """Have the next page say the sentence *code* with *word* filled in."""
    value = json.dumps([code, word[: _MAX // 4]]).encode()
    names, facts = _names()
    text = base64.urlsafe_b64encode(value).decode().rstrip("=")
    Cookies(names).give(response, facts, Cookie.FLASH, text, max_age=_SECONDS)


def said() -> tuple[str, str] | None:
    """Return the parts of the sentence before and after its word... or None.

    The parts are what to show: a sentence and the word in it.
    """
    names, facts = _names()
    text = names.value(Cookie.FLASH, facts) or ""
    if not text or len(text) > _MAX * 4:
        return None
    try:
        code, word = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return SENTENCES[code], str(word)
    except (ValueError, KeyError, TypeError, binascii.Error):
        return None


def forget(response: Response) -> None:
    """Say it no second time."""
    names, facts = _names()
    if names.name(Cookie.FLASH, facts) in request.cookies:
        Cookies(names).take(response, facts, Cookie.FLASH)


def _names() -> tuple[CookieNames, RequestFacts]:
    cookies: CookieNames = current_app.extensions["authz"].runtime.cookies
    return cookies, RequestFacts(request.environ)
