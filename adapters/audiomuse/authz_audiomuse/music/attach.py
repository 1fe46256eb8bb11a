"""Adds music accounts to an AudioMuse-AI that authz guards already."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from flask import Flask

from authz import Guarded, get_authz
from authz.integration.background import Poller
from authz.integration.limits import shared_limits
from authz_audiomuse.music.accounts import MusicAccounts
from authz_audiomuse.music.guessing import Guessing
from authz_audiomuse.music.host import HookMissing, HostHook
from authz_audiomuse.music.offboarding import ForgetLeavers, standing_by
from authz_audiomuse.music.opening import open_accounts
from authz_audiomuse.music.pages import Pages
from authz_audiomuse.music.playlists import Playlists
from authz_audiomuse.music.settings import MusicSettings, read_music_settings

_log: Final = logging.getLogger("authz")
#: How often it is looked whether an account is due for a check, in seconds.
_LOOK: Final = 300.0
#: Where the music of an app lies in its `extensions`.
EXTENSION: Final = "authz_music"


@dataclass(frozen=True, slots=True, kw_only=True)
class Music:
    """What belongs to the music accounts of one app."""

    settings: MusicSettings
    accounts: MusicAccounts
    playlists: Playlists
    #: Checks accounts in the background.
    poller: Poller

    def close(self) -> None:
        """Stop what runs in the background."""
        self.poller.close()


def attach_music(
    app: Flask,
    *,
    environ: Mapping[str, str],
    context: Any,
    config: Any,
    leavers: ForgetLeavers | None = None,
) -> Music | None:
    """Add music accounts to *app*, if its settings list music servers.

    Call it after authz guards the app and before the first request.

    Args:
        app: AudioMuse-AI's app.
        environ: The environment.
        context: Its module `tasks.mediaserver.context`, or None if it has none.
        config: Its module `config`.
        leavers: The audit sink that forgets whoever is removed.

    Raises:
        SettingsError: if settings are wrong.
        StoreError: if the database cannot be opened.
    """
    settings = read_music_settings(app.config, environ)
    for problem in settings.warnings:
        _log.warning("%s", problem)
    if not settings.servers:
        return None
    guarded = get_authz(app)
    accounts = _open(settings, guarded)
    if not accounts.can_store:
        _log.warning(
            "AUTHZ_ENCRYPTION_KEY is not set, so nobody can connect a music account: "
            "make a key with `authz secrets generate-key`"
        )
    if leavers is not None:
        leavers.accounts = accounts
    if guarded.pages is not None:
        runtime = guarded.runtime
        guessing = Guessing(shared_limits(runtime.settings, runtime.stores))
        app.register_blueprint(Pages(guarded.pages, accounts, guessing).blueprint)
    playlists = Playlists(app, accounts, _hook(context, config))
    age = timedelta(hours=settings.check_hours)
    poller = Poller(
        lambda: accounts.tend(age=age),
        interval=min(_LOOK, age.total_seconds()),
    )
    poller.start()
    music = Music(
        settings=settings, accounts=accounts, playlists=playlists, poller=poller
    )
    # As long as the app is there: a poller that nobody holds on to ends.
    app.extensions[EXTENSION] = music
    return music


def _open(settings: MusicSettings, guarded: Guarded) -> MusicAccounts:
    runtime = guarded.runtime
    stored = runtime.stores.database
    return open_accounts(
        settings,
        audit=runtime.audit,
        database=None if stored is None else stored.database,
        standing=standing_by(runtime.people.find),
    )


def _hook(context: Any, config: Any) -> HostHook | None:
    """Return where AudioMuse-AI is answered; None, said aloud, if there is no such."""
    try:
        return HostHook(context, config)
    except HookMissing as error:
        _log.error("%s", error)
        return None
