"""What holds for every music server with accounts, whatever language it speaks.

The same for stand-ins and for real servers: `test_server_contract.py` runs it against
the first, `tests/real/test_music_servers.py` against the second.
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import pytest
from authz_audiomuse.music.acting import host_credentials
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.mediabrowser import MediaBrowser
from authz_audiomuse.music.port import Credential, Entered, MusicServer, Privacy, Proof
from authz_audiomuse.music.secret import Secret
from authz_audiomuse.music.subsonic import Subsonic

from tests.adapters.music.stand_in import MAKERS


class ServerUnderTest(Protocol):
    """A running server with two people on it, and the module that calls it."""

    kind: ServerKind
    music: MusicServer
    #: Their names on the server.
    names: tuple[str, str]

    def entered(self, name: str = ..., secret: str | None = None) -> Entered:
        """Return what *name* types, or somebody who gets the secret wrong."""
        ...


def fault_of(call: Callable[..., object], *given: object, **more: object) -> Fault:
    """Return why *call* fails; nothing but a fault may come."""
    with pytest.raises(MusicFault) as caught:
        call(*given, **more)
    return caught.value.fault


def make_as_the_host_does(rig: ServerUnderTest, credential: Credential) -> str:
    """Make an empty playlist in the account; return its id."""
    given = host_credentials(
        rig.music.listed,
        credential,
        address=str(rig.music.listed.address),
        takes_keys=True,
    )
    name = f"authz {uuid.uuid4()}"
    made = MAKERS[rig.kind](dict(given), name, [])
    if not made:
        # Older versions of the Subsonic API answer without the new playlist's id.
        pytest.skip("AudioMuse-AI cannot make a playlist here")
    return str(made)


def seen_by(rig: ServerUnderTest, credential: Credential) -> set[str]:
    """Return the ids of the playlists that an account sees."""
    music: Any = rig.music
    if isinstance(music, MediaBrowser):
        query = f"userId={credential.account_id}&IncludeItemTypes=Playlist"
        found = music.call("GET", f"/Items?{query}&Recursive=true", credential)
        return {item["Id"] for item in found["Items"]}
    assert isinstance(music, Subsonic)
    lists = music.call("getPlaylists", credential).get("playlists") or {}
    return {item["id"] for item in lists.get("playlist") or ()}


def delete(rig: ServerUnderTest, credential: Credential, playlist: str) -> None:
    """Delete a playlist of the account."""
    music: Any = rig.music
    if rig.kind is ServerKind.JELLYFIN:
        music.call("DELETE", f"/Items/{playlist}", credential)
    elif rig.kind is ServerKind.EMBY:
        music.call("POST", f"/Items/Delete?Ids={playlist}", credential)
    else:
        music.call("deletePlaylist", credential, [("id", playlist)])


class Contract:
    """To be inherited, with a fixture `rig` that gives a `ServerUnderTest`."""

    @pytest.fixture(name="playlist")
    def _playlist(self, rig: ServerUnderTest) -> Iterator[tuple[Credential, str]]:
        """An account, and a playlist that AudioMuse-AI made there."""
        credential = rig.music.sign_in(rig.entered(rig.names[0]))
        made = make_as_the_host_does(rig, credential)
        yield credential, made
        delete(rig, credential, made)
        rig.music.sign_out(credential)

    def test_it_says_what_it_is(self, rig: ServerUnderTest):
        """Product and version, without anybody signed in."""
        about = rig.music.about()

        assert about.product
        assert about.version[0].isdigit()

    def test_the_right_secret_opens_the_account(self, rig: ServerUnderTest):
        """The account is named as the server writes it, and goes on to open."""
        credential = rig.music.sign_in(rig.entered(rig.names[1]))

        assert credential.account == rig.names[1]
        rig.music.check(credential)
        rig.music.sign_out(credential)

    def test_a_wrong_secret_is_said_to_be_one(self, rig: ServerUnderTest):
        """401, or a refusal with status 200: the same word for both."""
        wrong = rig.entered(rig.names[0], "not it")

        assert fault_of(rig.music.sign_in, wrong) is Fault.WRONG_PASSWORD
        # Where a few in a row stop everybody, this one ends the row.
        rig.music.sign_out(rig.music.sign_in(rig.entered(rig.names[0])))

    def test_nobody_opens_anothers_account(self, rig: ServerUnderTest):
        """One's own secret does not belong to another's name."""
        own, others = rig.entered(rig.names[0]), rig.entered(rig.names[1])
        if own.proof is Proof.API_KEY and not rig.music.capabilities.key_needs_name:
            pytest.skip("the server says whose a key is")

        mixed = replace(own, account=others.account)
        assert fault_of(rig.music.sign_in, mixed) is Fault.WRONG_PASSWORD
        rig.music.sign_out(rig.music.sign_in(own))

    def test_a_name_that_nobody_has_is_said_to_be_wrong(self, rig: ServerUnderTest):
        """In the words of a wrong secret, so that names cannot be found out."""
        own = rig.entered(rig.names[0])
        nobodys = replace(own, account="nobody-of-this")

        assert fault_of(rig.music.sign_in, nobodys) is Fault.WRONG_PASSWORD
        rig.music.sign_out(rig.music.sign_in(own))

    def test_two_links_to_one_account_both_last(self, rig: ServerUnderTest):
        """Two people, or two installations, may share an account."""
        first = rig.music.sign_in(rig.entered(rig.names[0]))
        second = rig.music.sign_in(rig.entered(rig.names[0]))

        rig.music.check(first)
        rig.music.check(second)
        rig.music.sign_out(first)
        rig.music.check(second)
        rig.music.sign_out(second)

    def test_a_token_that_was_given_back_opens_nothing(self, rig: ServerUnderTest):
        """Where the server gave one; a password or key stays its owner's."""
        credential = rig.music.sign_in(rig.entered(rig.names[0]))
        rig.music.sign_out(credential)

        if not rig.music.capabilities.signs_out:
            rig.music.check(credential)
            return
        assert fault_of(rig.music.check, credential) is Fault.WRONG_PASSWORD

    def test_a_key_is_taken_only_where_keys_are_listed(self, rig: ServerUnderTest):
        """A server that reads none is said to take none, and is not sent one."""
        if rig.music.about().takes_keys is not False:
            pytest.skip("it takes keys, or has nothing to do with them")
        entered = Entered(proof=Proof.API_KEY, account="", secret=Secret("key"))

        assert fault_of(rig.music.sign_in, entered) is Fault.OTHER_PROOF

    def test_a_playlist_can_be_hidden_from_others(
        self, rig: ServerUnderTest, playlist: tuple[Credential, str]
    ):
        """AudioMuse-AI makes it public; afterwards only its maker sees it."""
        assert rig.music.capabilities.privacy is Privacy.CAN_BE_MADE
        credential, made = playlist
        other = rig.music.sign_in(rig.entered(rig.names[1]))
        assert made in seen_by(rig, other)

        rig.music.make_private(credential, made)

        assert made not in seen_by(rig, other)
        assert made in seen_by(rig, credential)
        rig.music.sign_out(other)

    def test_nobody_hides_anothers_playlist(
        self, rig: ServerUnderTest, playlist: tuple[Credential, str]
    ):
        """Not even one that everybody sees."""
        other = rig.music.sign_in(rig.entered(rig.names[1]))

        assert fault_of(rig.music.make_private, other, playlist[1]) is Fault.REFUSED
        assert playlist[1] in seen_by(rig, other)
        rig.music.sign_out(other)
