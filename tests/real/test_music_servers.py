"""The contract of music servers, held against real ones that are running somewhere.

For each kind to be tried, say where it is and who two of its people are; without that
its tests are skipped:

    AUTHZ_REAL_NAVIDROME=http://127.0.0.1:4533
    AUTHZ_REAL_NAVIDROME_PEOPLE="carol=her secret;dan=his secret"

They may be any two people that do not administer the server; the secrets are passwords,
or API keys where `AUTHZ_REAL_NAVIDROME_PROOF=api-key` says so. A third person tries a
name of another alphabet. Five commands are run if they are there:
`AUTHZ_REAL_NAVIDROME_DOWN` stops the server, `AUTHZ_REAL_NAVIDROME_UP` starts it and
waits for it, `AUTHZ_REAL_NAVIDROME_PAUSE` lets it answer nobody (`kill -STOP`),
`AUTHZ_REAL_NAVIDROME_RESUME` again, and `AUTHZ_REAL_NAVIDROME_END`, at last, changes
the first person's password or takes back their keys and tokens. `SSL_CERT_FILE` is a
file of authorities.

What is made there is deleted again. `AUTHZ_REAL_REPORT=file` writes what was seen as a
table, which belongs into tests/real/seen.md. Run with

    pytest tests/real
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.kinds import KINDS, music_servers
from authz_audiomuse.music.listed import ListedServer, ServerKind, parse_address
from authz_audiomuse.music.port import Credential, Entered, MusicServer, Proof
from authz_audiomuse.music.secret import Secret
from authz_audiomuse.music.settings import MusicSettings

from tests.adapters.music.contract import Contract
from tests.services import until


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


def connect(kind: ServerKind, **settings: float) -> MusicServer:
    """Return the module for *kind*, which calls the server of the environment."""
    address = _variable(kind)
    if not address:
        pytest.skip(f"AUTHZ_REAL_{kind.upper()} is not set")
    listed = ListedServer(id="real", kind=kind, address=parse_address(address))
    return music_servers(MusicSettings(servers=(listed,), **settings))["real"]


def real_server(kind: ServerKind) -> RealServer:
    """Return the server of *kind* that the environment describes, or skip."""
    music = connect(kind)
    pairs = (pair.partition("=") for pair in _variable(kind, "_PEOPLE").split(";"))
    return RealServer(
        kind=kind,
        music=music,
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


def run(kind: ServerKind, *parts: str) -> Iterator[None]:
    """Run the operator's own commands, one at each step; skip if one is missing."""
    commands = [_variable(kind, f"_{part}") for part in parts]
    if not all(commands):
        pytest.skip("there are no commands for that")
    for command in commands:
        subprocess.run(command, shell=True, check=True)  # noqa: S602
        yield


def test_a_server_that_is_away_says_nothing_of_an_account(rig: RealServer):
    """Nobody answers, or a proxy in front of it says so; afterwards all is well."""
    down_up = run(rig.kind, "DOWN", "UP")
    credential = rig.music.sign_in(rig.entered(rig.names[0]))

    next(down_up)
    with pytest.raises(MusicFault) as caught:
        rig.music.check(credential)
    next(down_up)

    assert caught.value.fault in {Fault.UNREACHABLE, Fault.UNAVAILABLE}
    rig.music.check(credential)
    rig.music.sign_out(credential)


def test_a_server_that_is_slow_says_nothing_of_an_account(rig: RealServer):
    """It takes the question and does not answer; afterwards all is well."""
    pause_resume = run(rig.kind, "PAUSE", "RESUME")
    credential = rig.music.sign_in(rig.entered(rig.names[0]))
    impatient = connect(rig.kind, timeout=2.0)

    next(pause_resume)
    with pytest.raises(MusicFault) as caught:
        impatient.check(credential)
    next(pause_resume)

    assert caught.value.fault is Fault.TOO_SLOW
    rig.music.check(credential)
    rig.music.sign_out(credential)


def test_too_many_wrong_secrets_are_said_to_be_that(rig: RealServer):
    """What stops everybody is no wrong secret, and passes."""
    most = rig.music.capabilities.wrong_in_a_row
    if most is None:
        pytest.skip("it stops nobody")
    credential = rig.music.sign_in(rig.entered(rig.names[0]))
    for _ in range(most):
        with pytest.raises(MusicFault):
            rig.music.sign_in(rig.entered(rig.names[0], "not it"))

    with pytest.raises(MusicFault) as caught:
        rig.music.check(credential)

    assert caught.value.fault is Fault.THROTTLED
    until(lambda: opens(rig, credential), within=60)


def opens(rig: RealServer, credential: Credential) -> bool:
    """Return whether the server lets the account in at the moment."""
    try:
        rig.music.check(credential)
    except MusicFault as error:
        assert error.fault is Fault.THROTTLED
        return False
    return True


def test_an_account_that_ended_is_noticed(rig: RealServer):
    """A password that was changed, a key or token that was taken back."""
    end = run(rig.kind, "END")
    credential = rig.music.sign_in(rig.entered(rig.names[0]))

    next(end)

    with pytest.raises(MusicFault) as caught:
        rig.music.check(credential)
    assert caught.value.fault is Fault.WRONG_PASSWORD


class TestLyrion:
    """It has no accounts, so what it is is all there is to ask."""

    @pytest.fixture(name="music")
    def _music(self, record_property: Callable[[str, object], None]) -> MusicServer:
        music = connect(ServerKind.LYRION, timeout=2.0)
        about = music.about()
        record_property("server", f"{about.product} {about.version}")
        return music

    def test_it_says_what_it_is(self, music: MusicServer):
        """Nobody can sign in, and nobody has to."""
        assert music.about().version[0].isdigit()
        with pytest.raises(MusicFault) as caught:
            music.sign_in(Entered(proof=Proof.PASSWORD, secret=Secret("x")))
        assert caught.value.fault is Fault.NO_ACCOUNTS

    @pytest.mark.parametrize(
        ("steps", "fault"),
        [
            pytest.param(("DOWN", "UP"), Fault.UNREACHABLE, id="away"),
            pytest.param(("PAUSE", "RESUME"), Fault.TOO_SLOW, id="slow"),
        ],
    )
    def test_a_server_that_does_not_answer_is_no_other_product(
        self, music: MusicServer, steps: tuple[str, str], fault: Fault
    ):
        """Nobody is there, or nobody answers; afterwards all is well."""
        steps_run = run(ServerKind.LYRION, *steps)

        next(steps_run)
        with pytest.raises(MusicFault) as caught:
            music.about()
        next(steps_run)

        assert caught.value.fault is fault
        assert music.about().version[0].isdigit()
