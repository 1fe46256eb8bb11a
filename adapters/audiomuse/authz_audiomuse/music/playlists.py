"""AudioMuse-AI's requests that act for a person, in the account of whoever sends them.

Those that make a playlist, and the one that looks at what somebody listened to.

Before the request it is settled in whose account it acts; afterwards it is seen whether
it did. Where that cannot be known nothing is made, and the answer says why.
"""

import json
import logging
from http import HTTPStatus
from typing import Final

from flask import Flask, Request, current_app, request, url_for
from werkzeug.wrappers import Response

from authz import EventTag, RequestFacts, StoreError, get_authz
from authz.integration.web import (
    current_request,
    current_state,
    new_request_id,
    protect_page,
)
from authz_audiomuse.fields.sent import Unreadable, put_body, read_sent
from authz_audiomuse.music.accounts import By, MusicAccounts, Unusable, is_person
from authz_audiomuse.music.acting import Acting
from authz_audiomuse.music.faults import PASSING, Fault, MusicFault
from authz_audiomuse.music.host import HostHook, act, acting_on
from authz_audiomuse.music.port import Credential
from authz_audiomuse.music.sealing import SealError
from authz_audiomuse.roles import HostRole, HostRoles

#: What makes a playlist for whoever asks.
PLAYLIST_PATHS: Final = frozenset({"/api/create_playlist", "/chat/api/create_playlist"})
#: What looks at the listening history of whoever asks.
HISTORY_PATH: Final = "/api/sonic_fingerprint/generate"
#: What AudioMuse-AI wants to be there before it asks in whose account it acts.
_WANTED: Final = ("jellyfin_user_identifier", "navidrome_user", "navidrome_password")
_ANYTHING: Final = "-"

_log: Final = logging.getLogger("authz")
_NOT_HIDDEN: Final = (
    "It could not be hidden from others on the music server: hide it there."
)
_STATUS: Final = {
    "no-store": HTTPStatus.SERVICE_UNAVAILABLE,
    "no-hook": HTTPStatus.NOT_IMPLEMENTED,
    "bypassed": HTTPStatus.BAD_GATEWAY,
    **dict.fromkeys(map(str, PASSING), HTTPStatus.SERVICE_UNAVAILABLE),
}


class Playlists:
    """Keeps each playlist in its maker's account, for one app."""

    def __init__(
        self, app: Flask, accounts: MusicAccounts, hook: HostHook | None
    ) -> None:
        """Look at the requests of *app*; without a *hook* none can be vouched for."""
        self._accounts = accounts
        self._hook = hook
        self._listed = tuple(music.listed for music in accounts.servers.values())
        self._roles = HostRoles(get_authz(app).runtime)
        app.before_request(self.before)
        app.after_request(self.after)

    def before(self) -> Response | None:
        """Settle in whose account a request acts; return what refuses it, or None."""
        is_history = request.path == HISTORY_PATH
        if not is_history and (
            request.method != "POST" or request.path not in PLAYLIST_PATHS
        ):
            return None
        subject = current_state().subject
        person = subject.name
        if not is_person(person):
            return None  # a program, or nobody: AudioMuse-AI's own account is theirs
        try:
            found = self._accounts.acting(person)
        except StoreError:
            _log.exception("linked accounts cannot be read; no playlist is made")
            return self._refuse(
                Unusable(
                    "it cannot be looked up in whose account this belongs: "
                    "try again later",
                    reason="no-store",
                )
            )
        shared = self._accounts.shared
        if self._roles.of(subject) is HostRole.ADMIN:
            # Whoever administers may act in the account that AudioMuse-AI uses.
            shared = True
            found = {name: _or_shared(account) for name, account in found.items()}
        hook = self._hook
        acting = Acting(
            person,
            found,
            self._listed,
            takes_keys=hook is not None and hook.takes_keys,
            shared=shared,
        )
        if hook is None or not hook.in_place:
            if not acting.must_ask:
                return None
            return self._refuse(
                Unusable(
                    "this AudioMuse-AI cannot make playlists in your own account: "
                    "whoever runs it finds the reason in its log",
                    reason="no-hook",
                )
            )
        act(current_request(), acting)
        if is_history:
            _fill(current_request())
        return None

    def after(self, response: Response) -> Response:
        """See in whose account it was done."""
        acting = acting_on(current_request())
        if acting is None:
            return response
        if acting.refused is not None:
            return self._refuse(acting.refused)
        if acting.used is not None:
            lost = self._look_again(acting, response)
            if lost:
                return self._refuse(lost)
            if request.path == HISTORY_PATH:
                return response
            return self._hidden(acting.person, acting.used, response)
        made = response.status_code < HTTPStatus.BAD_REQUEST
        if made and acting.must_ask and not acting.asked:
            return self._bypassed(acting)
        return response

    def _hidden(self, person: str, server: str, response: Response) -> Response:
        """Hide what was made, if its maker asked for that; say if it is not hidden."""
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            return response
        try:
            if not self._accounts.hides(person, server):
                return response
            self._accounts.hide(person, server, made_in(response))
        except (MusicFault, SealError, StoreError, LookupError):
            _log.exception("a playlist of %s on %s is not hidden", person, server)
            return _with_warning(response)
        return response

    def _look_again(self, acting: Acting, response: Response) -> Unusable | None:
        """Return what its owner is to hear, if a failure was the account's."""
        if response.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
            return None
        try:
            link = self._accounts.of(acting.person).get(acting.used or "")
            link = link and self._accounts.check(link)
        except (SealError, StoreError, LookupError):
            _log.exception("the linked account cannot be looked at")
            return None
        if link is not None and link.fault in PASSING:
            made = request.path in PLAYLIST_PATHS
            return Unusable(
                f"`{link.server}` does not answer at the moment: try again later"
                + (", and look there first whether the playlist is there" * made),
                reason=str(link.fault),
                server=link.server,
            )
        if link is not None and link.fault is Fault.WRONG_PASSWORD:
            return Unusable(
                f"`{link.server}` does not accept your account any more: enter its "
                "password or key again",
                reason=str(Fault.WRONG_PASSWORD),
                server=link.server,
            )
        return None

    def _bypassed(self, acting: Acting) -> Response:
        """Say aloud that a playlist went elsewhere, and let no other follow it."""
        self._hook = None
        _log.critical(
            "AudioMuse-AI made a playlist of %s without asking in which account: it is "
            "in the account that everybody shares. No more playlists are made in own "
            "accounts until this is looked into; this version of AudioMuse-AI is not "
            "supported",
            acting.person,
        )
        self._record(EventTag.LINKED_ACCOUNT_BYPASSED, "bypassed")
        return self._problem(
            Unusable(
                "the playlist was made in the account that everybody shares, not in "
                "yours: tell whoever runs this",
                reason="bypassed",
            ),
            new_request_id(),
        )

    def _refuse(self, why: Unusable) -> Response:
        request_id = self._record(EventTag.LINKED_ACCOUNT_UNUSED, why.reason)
        return self._problem(why, request_id)

    def _record(self, tag: EventTag, reason: str) -> str:
        request_id = new_request_id()
        subject = current_state().subject
        facts = RequestFacts(request.environ)
        client = str(get_authz(current_app).runtime.client(facts))
        self._accounts.record(
            tag,
            By(name=subject.name, peer=facts.peer, client=client),
            about=subject.name,
            method=request.method,
            path=request.path,
            reason=reason,
            request_id=request_id,
        )
        return request_id

    @staticmethod
    def _problem(why: Unusable, request_id: str) -> Response:
        status = _STATUS.get(why.reason, HTTPStatus.CONFLICT)
        body = {
            "type": f"urn:authz:problem:music-{why.reason}",
            "title": status.phrase,
            "status": status.value,
            "detail": str(why),
            # AudioMuse-AI's own pages show this one.
            "error": str(why),
            "request_id": request_id,
        }
        if "authz_music.me" in current_app.view_functions:
            body["connect"] = url_for("authz_music.me")
        return protect_page(
            Response(
                json.dumps(body) + "\n",
                status=status,
                content_type="application/problem+json",
            )
        )


def made_in(response: Response) -> str:
    """Return the id of the playlist that AudioMuse-AI's *response* says it made.

    One of its two addresses gives it a name of its own, the other ends a sentence with
    it (3.4.0, app_ivf.py and app_chat.py). Raises `LookupError`.
    """
    document = response.get_json(silent=True)
    match document:
        case {"playlist_id": str() | int() as made} if made:
            return str(made)
        case {"message": str(message)} if " with ID: " in message:
            return message.rpartition(" with ID: ")[2]
    raise LookupError("AudioMuse-AI does not say which playlist it made")


def _with_warning(response: Response) -> Response:
    """Return *response* with what its maker has to know; it was made all the same."""
    document = response.get_json(silent=True)
    if isinstance(document, dict):
        said = str(document.get("message") or "")
        document["message"] = f"{said} {_NOT_HIDDEN}".strip()
        document["warning"] = _NOT_HIDDEN
        response.set_data(json.dumps(document) + "\n")
    return response


def _or_shared(account: Credential | Unusable | None) -> Credential | Unusable | None:
    """Return *account*, or the shared one if there is none of one's own."""
    if isinstance(account, Unusable) and account.reason == "not-connected":
        return None
    return account


def _fill(asked: Request) -> None:
    """Put something where AudioMuse-AI looks whether there is anything.

    It is not what is used: in whose account it acts is answered where it asks for that.
    """
    try:
        sent = read_sent(asked)
    except Unreadable:
        return
    if sent.is_json and isinstance(sent.json, dict):
        missing = {name: _ANYTHING for name in _WANTED if not sent.json.get(name)}
        put_body(asked, json.dumps({**sent.json, **missing}).encode())
