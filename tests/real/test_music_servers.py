"""The contract of music servers, held against real ones that are running somewhere.

For each kind to be tried, say where it is and who two of its people are; without that
its tests are skipped:

    AUTHZ_REAL_NAVIDROME=http://127.0.0.1:4533
    AUTHZ_REAL_NAVIDROME_PEOPLE="carol=her secret;dan=his secret"

They may be any two people that do not administer the server; the secrets are passwords,
or API keys where `AUTHZ_REAL_NAVIDROME_PROOF=api-key` says so. A third person tries a
name of another alphabet. Three commands are run if they are there:
`AUTHZ_REAL_NAVIDROME_DOWN` stops the server, `AUTHZ_REAL_NAVIDROME_UP` starts it and
waits for it, and `AUTHZ_REAL_NAVIDROME_END`, at last, changes the first person's
password or takes back their keys and tokens. `SSL_CERT_FILE` is a file of authorities.

What is made there is deleted again. `AUTHZ_REAL_REPORT=file` writes what was seen as a
table, which belongs into tests/real/seen.md. Run with

    pytest tests/real
"""

import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.kinds import KINDS, music_servers
from authz_audiomuse.music.listed import ListedServer, ServerKind, parse_address
from authz_audiomuse.music.port import Entered, MusicServer, Proof
from authz_audiomuse.music.secret import Secret
from authz_audiomuse.music.settings import MusicSettings

from tests.adapters.music.contract import Contract


@dataclass
class RealServer:
    """A running server, and the module that calls it."""

    kind: ServerKind
    music: MusicServer
    people: dict[str, str]
    proof: Proof

    @property
    def names(self) -> tuple[str, str]:
        """The first two people."""
        first, second, *_ = self.people
        return first, second

    def entered(self, name: str = "", secret: str | None = None) -> Entered:
        """Return what *name* types, or somebody who gets the secret wrong."""
        right = self.people[name]
        return Entered(
            proof=self.proof,
            account=name,
            secret=Secret(right if secret is None else secret),
        )


def _variable(kind: ServerKind, part: str = "") -> str:
    return os.environ.get(f"AUTHZ_REAL_{kind.upper()}{part}", "")


def real_server(kind: ServerKind) -> RealServer:
    """Return the server of *kind* that the environment describes, or skip."""
    address = _variable(kind)
    if not address:
        pytest.skip(f"AUTHZ_REAL_{kind.upper()} is not set")
    listed = ListedServer(id="real", kind=kind, address=parse_address(address))
    pairs = (pair.partition("=") for pair in _variable(kind, "_PEOPLE").split(";"))
    return RealServer(
        kind=kind,
        music=music_servers(MusicSettings(servers=(listed,)))["real"],
        people={name: secret for name, _, secret in pairs if name},
        proof=Proof(_variable(kind, "_PROOF") or KINDS[kind].capabilities.proofs[0]),
    )


@pytest.fixture(
    name="rig", params=[kind for kind in ServerKind if kind is not ServerKind.LYRION]
)
def _rig(
    request: pytest.FixtureRequest, record_property: Callable[[str, object], None]
) -> RealServer:
    server = real_server(request.param)
    about = server.music.about()
    record_property("server", f"{about.product} {about.version}")
    return server


class TestReal(Contract):
    """Each real server keeps the contract that its stand-in keeps."""

    def test_a_name_is_of_any_alphabet(self, rig: RealServer):
        """The third person has such a name."""
        if len(rig.people) < 3:
            pytest.skip("there is no third person")
        name = list(rig.people)[2]

        credential = rig.music.sign_in(rig.entered(name))

        assert credential.account == name
        rig.music.check(credential)
        rig.music.sign_out(credential)


def test_a_server_that_is_away_says_nothing_of_an_account(rig: RealServer):
    """Nobody answers, or a proxy in front of it says so; afterwards all is well."""
    down, up = _variable(rig.kind, "_DOWN"), _variable(rig.kind, "_UP")
    if not down or not up:
        pytest.skip("there are no commands that stop and start it")
    credential = rig.music.sign_in(rig.entered(rig.names[0]))

    subprocess.run(down, shell=True, check=True)  # noqa: S602 - the operator's own
    with pytest.raises(MusicFault) as caught:
        rig.music.check(credential)
    subprocess.run(up, shell=True, check=True)  # noqa: S602 - the operator's own

    assert caught.value.fault in {Fault.UNREACHABLE, Fault.UNAVAILABLE}
    rig.music.check(credential)
    rig.music.sign_out(credential)


def test_an_account_that_ended_is_noticed(rig: RealServer):
    """A password that was changed, a key or token that was taken back."""
    command = _variable(rig.kind, "_END")
    if not command:
        pytest.skip("there is no command that ends it")
    credential = rig.music.sign_in(rig.entered(rig.names[0]))

    subprocess.run(command, shell=True, check=True)  # noqa: S602 - the operator's own

    with pytest.raises(MusicFault) as caught:
        rig.music.check(credential)
    assert caught.value.fault is Fault.WRONG_PASSWORD


def test_lyrion_says_what_it_is():
    """It has no accounts, so that is all there is to ask."""
    address = _variable(ServerKind.LYRION)
    if not address:
        pytest.skip("AUTHZ_REAL_LYRION is not set")
    listed = ListedServer(
        id="real", kind=ServerKind.LYRION, address=parse_address(address)
    )
    music = music_servers(MusicSettings(servers=(listed,)))["real"]

    assert music.about().version[0].isdigit()
    with pytest.raises(MusicFault) as caught:
        music.sign_in(Entered(proof=Proof.PASSWORD, secret=Secret("x")))
    assert caught.value.fault is Fault.NO_ACCOUNTS
