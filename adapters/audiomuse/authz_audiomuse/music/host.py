"""Where AudioMuse-AI asks in which account it acts, and how it is answered.

Its modules for music servers ask `context.active_creds` for credentials, by that name
at each call. The function is replaced by one that answers for the request being
handled; outside of such a request it is what it was. Nothing of AudioMuse-AI is edited.
"""

from typing import Any, Final

from flask import has_request_context
from werkzeug.wrappers import Request

from authz import AuthzError
from authz.integration.web import current_request
from authz_audiomuse.music.acting import Acting

_KEPT: Final = "_authz_music_acting"
_ASKED: Final = ("active_creds", "active_server")


class HookMissing(AuthzError):
    """This AudioMuse-AI does not ask where it is answered."""


class HostHook:
    """Answers AudioMuse-AI for one process."""

    def __init__(self, context: Any, config: Any) -> None:
        """Answer where *context* is asked.

        *context* is AudioMuse-AI's module `tasks.mediaserver.context`, *config* its
        module `config`.

        Raises:
            HookMissing: if it does not have what is used.
        """
        missing = [
            name for name in _ASKED if not callable(getattr(context, name, None))
        ]
        if missing or not hasattr(config, "MEDIASERVER_TYPE"):
            raise HookMissing(
                "this AudioMuse-AI has no place to say in which account it acts "
                f"({', '.join(missing) or 'MEDIASERVER_TYPE'} is missing): playlists "
                "cannot be made in people's own accounts with this version"
            )
        self._context = context
        self._config = config
        self._original = context.active_creds
        context.active_creds = self._answer

    @property
    def takes_keys(self) -> bool:
        """Whether this AudioMuse-AI knows API keys."""
        known = getattr(self._config, "MEDIASERVER_CRED_KEY_BY_FIELD", None) or {}
        return "api_key" in known.values()

    @property
    def in_place(self) -> bool:
        """Whether it is still this object that is asked."""
        return bool(self._context.active_creds == self._answer)

    def remove(self) -> None:
        """Put back what was there."""
        if self.in_place:
            self._context.active_creds = self._original

    def _answer(self, user_creds: Any = None) -> Any:
        acting = acting_now()
        if acting is None:
            return self._original(user_creds)
        # What the request itself brought along is not looked at: nobody names another
        # account than their own.
        kind, address = self._server()
        return acting.credentials(kind, address, lambda: self._original(None))

    def _server(self) -> tuple[str, str]:
        """Return kind and address of the server that AudioMuse-AI is about to use."""
        server = self._context.active_server()
        if server:
            return str(server.get("server_type") or ""), str(
                (server.get("creds") or {}).get("url") or ""
            )
        kind = str(self._config.MEDIASERVER_TYPE or "").lower()
        return kind, str(getattr(self._config, f"{kind.upper()}_URL", "") or "")


def act(on: Request, acting: Acting | None) -> None:
    """Let the request *on* act as *acting* says, from now on."""
    setattr(on, _KEPT, acting)


def acting_on(on: Request) -> Acting | None:
    """Return in whose accounts the request *on* acts, if that was said."""
    found = getattr(on, _KEPT, None)
    return found if isinstance(found, Acting) else None


def acting_now() -> Acting | None:
    """Return in whose accounts the request being handled acts, if there is one."""
    return acting_on(current_request()) if has_request_context() else None
