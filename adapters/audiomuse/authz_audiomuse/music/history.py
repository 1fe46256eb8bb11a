"""Whose listening history the app looks at for somebody, in words for its page."""

from typing import Final

from authz import StoreError, Subject
from authz_audiomuse.music.accounts import MusicAccounts, is_person
from authz_audiomuse.music.links import Mode

_SHARED: Final = (
    "It looks at the listening history of the account that AudioMuse-AI itself uses."
)
_CONNECT: Final = (
    "It looks at your own listening history. Connect your music account first: "
    "Your account, Music accounts."
)


def whose_history(accounts: MusicAccounts | None, subject: Subject) -> str:
    """Return what *subject* is to know before they ask."""
    if accounts is None or not is_person(subject.name):
        return _SHARED
    try:
        links = accounts.of(subject.name).values()
    except StoreError:
        return ""
    own = [link.server for link in links if link.mode is Mode.OWN]
    if own:
        return (
            "It looks at your own listening history where you connected an account: "
            + ", ".join(own)
            + "."
        )
    return _SHARED if accounts.shared else _CONNECT
