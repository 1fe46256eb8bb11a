"""Whatever a music server does, the answer is a word, in time, and nothing else."""

import datetime as dt
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.listed import ServerKind
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.adapters.music.contract import fault_of
from tests.adapters.music.rigs import FAKES, Rig, at, connect, started
from tests.adapters.music.servers.loopback import Seen, Trouble

pytestmark = pytest.mark.slow

#: Seconds a server has that is too slow. All others have the time of a busy machine.
TIMEOUT = 0.1

#: What each trouble is called. A set: it depends on where the answer breaks off.
EXPECTED: dict[Trouble, set[Fault]] = {
    Trouble.HANGS_UP: {Fault.UNREACHABLE},
    Trouble.HALF_CLOSED: {Fault.NONSENSE},
    Trouble.SLOW: {Fault.TOO_SLOW},
    Trouble.DRIPS: {Fault.TOO_SLOW},
    Trouble.DRIPS_LATER: {Fault.TOO_SLOW},
    Trouble.NOT_UTF8: {Fault.NONSENSE},
    Trouble.TOO_DEEP: {Fault.NONSENSE},
    Trouble.REDIRECTS: {Fault.OTHER_PRODUCT},
    Trouble.HUGE: {Fault.NONSENSE},
    Trouble.COMPRESSED: {Fault.NONSENSE},
    Trouble.PAGE: {Fault.OTHER_PRODUCT},
    Trouble.WRONG_TYPE: {Fault.OTHER_PRODUCT},
    Trouble.OTHER_JSON: {Fault.OTHER_PRODUCT},
    Trouble.LIST: {Fault.OTHER_PRODUCT},
    Trouble.EMPTY: {Fault.OTHER_PRODUCT},
    Trouble.FAILS: {Fault.UNAVAILABLE},
    Trouble.STARTING: {Fault.UNAVAILABLE},
    Trouble.TOO_MANY: {Fault.THROTTLED},
    Trouble.DRIPS_CHUNK: {Fault.TOO_SLOW},
}

#: One of each language; the others of it share every line that is tried here.
LANGUAGES = [ServerKind.JELLYFIN, ServerKind.NAVIDROME, ServerKind.LYRION]


@pytest.fixture(name="rig", params=LANGUAGES)
def _rig(request: pytest.FixtureRequest) -> Iterator[Rig]:
    with started(request.param, timeout=60.0) as rig:
        yield rig


def afflict(rig: Rig, trouble: Trouble, *, after: int = 0) -> None:
    """Let the server of *rig* have *trouble* after so many answers.

    Nobody waits long for one that is slow; all others may take their time.
    """
    rig.fake.trouble, rig.fake.trouble_from = trouble, after
    if Fault.TOO_SLOW in EXPECTED[trouble]:
        rig.music = connect(rig.kind, rig.fake, timeout=TIMEOUT)


@pytest.mark.parametrize(
    # Whoever hangs up is asked three times, below.
    "trouble",
    [trouble for trouble in EXPECTED if trouble is not Trouble.HANGS_UP],
)
def test_trouble_while_asking_what_it_is(rig: Rig, trouble: Trouble):
    """Nothing secret was sent yet; the connection to one that is slow ends."""
    afflict(rig, trouble)

    assert fault_of(rig.music.about) in EXPECTED[trouble]
    if Fault.TOO_SLOW in EXPECTED[trouble]:
        assert rig.fake.left.wait(120)


@pytest.mark.parametrize("trouble", EXPECTED)
def test_trouble_while_signing_in(rig: Rig, trouble: Trouble):
    """It is never taken for a wrong password, which would ask for it again."""
    if not rig.music.capabilities.has_accounts:
        return
    afflict(rig, trouble, after=1)

    fault = fault_of(rig.music.sign_in, rig.entered())

    assert fault is not Fault.WRONG_PASSWORD
    assert fault in EXPECTED[trouble] | {Fault.NONSENSE, Fault.REFUSED}


@pytest.mark.parametrize("trouble", EXPECTED)
def test_trouble_while_changing_something(rig: Rig, trouble: Trouble):
    """A playlist is never said to be hidden when nobody can know."""
    account = rig.account()
    if account is None:
        return
    afflict(rig, trouble, after=len(rig.fake.seen))

    fault = fault_of(rig.music.make_private, account, "1")

    assert fault in EXPECTED[trouble] | {Fault.REFUSED}


def test_a_sign_in_has_the_time_of_one_answer(rig: Rig):
    """However many questions it takes: a page waits for it."""
    if not rig.music.capabilities.has_accounts:
        return
    rig.music = connect(rig.kind, rig.fake, timeout=TIMEOUT)
    real = rig.fake.answer

    def answer(seen: Seen) -> tuple[int, object]:
        rig.fake.closing.wait(TIMEOUT * 0.8)
        return real(seen)

    rig.fake.answers = answer

    assert fault_of(rig.music.sign_in, rig.entered()) is Fault.TOO_SLOW


def test_how_long_to_wait_is_said_if_the_server_says_it(rig: Rig):
    """`Retry-After`, as Jellyfin sends it while it starts."""
    rig.fake.trouble = Trouble.STARTING

    with pytest.raises(MusicFault, match="it asks for 5 seconds"):
        rig.music.about()


def test_chunks_are_no_trouble(rig: Rig):
    """A body may come in parts of any size."""
    rig.fake.trouble = Trouble.CHUNKED

    assert rig.music.about().version


def test_nobody_is_followed_elsewhere(rig: Rig):
    """Not even to a server of the same kind: it is not the listed one."""
    other = FAKES[rig.kind]().start()
    try:
        rig.fake.trouble, rig.fake.elsewhere = Trouble.REDIRECTS, other.url
        assert fault_of(rig.music.about) is Fault.OTHER_PRODUCT
    finally:
        other.close()

    assert other.seen == []


class TestRetries:
    def test_a_question_is_asked_three_times(self, rig: Rig):
        """A connection that broke off is tried again, and not for ever."""
        rig.fake.trouble = Trouble.HANGS_UP

        assert fault_of(rig.music.about) is Fault.UNREACHABLE
        assert len(rig.fake.seen) == 3

    def test_the_second_answer_is_as_good(self, rig: Rig):
        """A server that is just starting is no failure."""
        rig.fake.trouble, rig.fake.trouble_until = Trouble.HANGS_UP, 1

        assert rig.music.about()
        assert len(rig.fake.seen) == 2

    def test_what_changes_something_is_sent_once(self, rig: Rig):
        """Nobody is locked out because one wrong guess was sent three times."""
        account = rig.account()
        if account is None:
            return
        before = len(rig.fake.seen)
        rig.fake.trouble, rig.fake.trouble_from = Trouble.HANGS_UP, before

        fault_of(rig.music.make_private, account, "1")

        assert len(rig.fake.seen) == before + 1


def test_nobody_there_is_unreachable():
    """A closed port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]

    assert fault_of(at(f"http://127.0.0.1:{port}").about) is Fault.UNREACHABLE


def test_a_name_that_leads_nowhere_is_unreachable():
    """The resolver knows no such host."""
    assert fault_of(at("http://no-such-host.invalid").about) is Fault.UNREACHABLE


class TestWhereANameLeads:
    """The name is listed; where it leads is looked at before anything is sent."""

    @pytest.fixture(name="lead")
    def _lead(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
        """Return a function that makes every connection seem to lead to an address."""

        def lead(address: str) -> None:
            monkeypatch.setattr("authz_audiomuse.music.http.peer_of", lambda _: address)

        return lead

    @pytest.mark.parametrize(
        ("peer", "goes"),
        [
            ("169.254.169.254", False),
            ("93.184.216.34", False),
            ("192.168.1.5", True),
        ],
    )
    def test_a_plain_connection_stays_at_home(
        self, lead: Callable[[str], None], peer: str, goes: bool
    ):
        """A container's name that suddenly leads out into the world gets nothing."""
        with started(ServerKind.NAVIDROME) as rig:
            lead(peer)
            if goes:
                rig.music.about()
                return
            assert fault_of(rig.music.about) is Fault.FORBIDDEN_ADDRESS
            assert rig.fake.seen == []

    def test_unless_the_operator_named_the_host(self, lead: Callable[[str], None]):
        """Twice: in the list, and in the list of hosts without TLS."""
        with started(ServerKind.NAVIDROME) as rig:
            lead("93.184.216.34")
            hosts = frozenset({"127.0.0.1"})
            connect(rig.kind, rig.fake, http_hosts=hosts).about()
            lead("169.254.169.254")
            music = connect(rig.kind, rig.fake, http_hosts=hosts)
            assert fault_of(music.about) is Fault.FORBIDDEN_ADDRESS


def certificate(folder: Path, name: str, *, days: int = 1) -> tuple[Path, Path]:
    """Write a certificate that vouches for itself; return it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    try:
        host: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        host = x509.DNSName(name)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=9))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    stem = f"{name}-{days}".replace(":", "-")
    paths = folder / f"{stem}.pem", folder / f"{stem}.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return paths


class TestTls:
    @pytest.fixture(name="secure")
    def _secure(self, tmp_path: Path) -> Iterator[Callable[..., tuple[Rig, Path]]]:
        running: list[Rig] = []

        def secure(name: str = "127.0.0.1", days: int = 1) -> tuple[Rig, Path]:
            cert, key = certificate(tmp_path, name, days=days)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            fake = FAKES[ServerKind.NAVIDROME]()
            fake.start(context)
            music = connect(ServerKind.NAVIDROME, fake, ca=cert)
            running.append(Rig(ServerKind.NAVIDROME, fake, music))
            return running[-1], cert

        yield secure
        for rig in running:
            rig.fake.close()

    def test_an_authority_of_ones_own_may_be_named(
        self, secure: Callable[..., tuple[Rig, Path]]
    ):
        """In a file, besides those of the system."""
        rig, _ = secure()

        assert rig.music.about().product == "Navidrome"

    def test_a_certificate_nobody_vouches_for_is_refused(
        self, secure: Callable[..., tuple[Rig, Path]]
    ):
        """There is no way to switch that off."""
        rig, _ = secure()
        music = connect(rig.kind, rig.fake)

        assert fault_of(music.about) is Fault.TLS
        assert rig.fake.seen == []

    @pytest.mark.parametrize(
        ("name", "days"), [("127.0.0.2", 1), ("music.home", 1), ("127.0.0.1", -1)]
    )
    def test_a_certificate_of_somebody_else_or_yesterday_is_refused(
        self, secure: Callable[..., tuple[Rig, Path]], name: str, days: int
    ):
        """Whoever vouches for it."""
        rig, _ = secure(name, days)

        assert fault_of(rig.music.about) is Fault.TLS
        assert rig.fake.seen == []

    @pytest.mark.parametrize(
        "trouble", [Trouble.SLOW, Trouble.DRIPS, Trouble.DRIPS_LATER]
    )
    def test_a_slow_server_is_cut_behind_tls_too(
        self, secure: Callable[..., tuple[Rig, Path]], trouble: Trouble
    ):
        """And said to be slow, not to have a bad certificate."""
        rig, cert = secure()
        rig.fake.trouble = trouble
        music = connect(rig.kind, rig.fake, ca=cert, timeout=TIMEOUT)

        assert fault_of(music.about) is Fault.TOO_SLOW
        assert rig.fake.left.wait(120)

    def test_a_server_without_tls_is_said_to_be_one(self):
        """`https` was listed, and plain HTTP answers."""
        with started(ServerKind.NAVIDROME) as rig:
            music = at(rig.fake.url.replace("http:", "https:"))
            assert fault_of(music.about) in {Fault.TLS, Fault.UNREACHABLE}
