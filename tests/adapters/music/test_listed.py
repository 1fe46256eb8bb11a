"""Only what the operator listed is spoken to, and only in ways that are safe enough."""

from pathlib import Path

import pytest
from authz_audiomuse.music.listed import ServerKind, parse_address, parse_servers
from authz_audiomuse.music.peers import may_speak_to
from authz_audiomuse.music.settings import (
    MUSIC_SETTINGS,
    Unlinked,
    read_music_settings,
)
from hypothesis import given
from hypothesis import strategies as st

from authz.errors import SettingsError
from authz.integration.sealing import new_secret
from authz.settings import read_settings


def problems(**environ: str) -> str:
    """Return what is wrong with these settings."""
    with pytest.raises(SettingsError) as caught:
        read_music_settings({}, environ)
    return str(caught.value)


def test_a_line_is_a_server():
    """An id, a kind, an address, and what else the app may call it."""
    home, other = parse_servers(
        "# the one in the living room\n"
        "home navidrome https://Music.home/nd/ http://navidrome:4533\n"
        ";other lyrion http://10.0.0.7:9000"
    )

    assert (home.id, home.kind) == ("home", ServerKind.NAVIDROME)
    assert str(home.address) == "https://music.home/nd"
    assert home.is_at(parse_address("http://navidrome:4533/"))
    assert home.is_at(parse_address("HTTPS://music.home:443/nd"))
    assert not home.is_at(parse_address("https://music.home"))
    assert (other.id, other.kind) == ("other", ServerKind.LYRION)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "music.home",
        "//music.home",
        "ftp://music.home",
        "https://",
        "https://music.home:x",
        "https://music.home:99999",
        "https://music.home?x=1",
        "https://music.home#x",
        "https://music.home/a/../b",
        "https://music.home/a%2fb",
        "https://mu\tsic.home",
        "https://music.home\\@evil.test",
        "https://[::1",
        "https://-x.test",
        "https://mu\u017fic.home",
        "https://music.home/a b",
    ],
)
def test_what_is_no_plain_address_is_refused(address: str):
    """Two programs might read it in two ways."""
    with pytest.raises(ValueError, match=r"is not an address|leave them out"):
        parse_address(address)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    """Settings are shown and logged."""
    text = problems(AUTHZ_MUSIC_SERVERS="home navidrome https://carol:S3cret@m.home")

    assert "holds a name or password" in text
    assert "S3cret" not in text


@given(st.text(max_size=60))
def test_an_address_reads_the_same_when_written_and_read_again(text: str):
    """Whatever is taken has one meaning."""
    try:
        address = parse_address("https://" + text)
    except ValueError:
        return

    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("home", "is not a server"),
        ("home navidrome", "is not a server"),
        ("Home navidrome https://m.home", "cannot be an id"),
        ("home plex https://m.home", "is no kind of server"),
        ("home lms https://m.home; home emby https://e.home", "is there twice"),
        ("a lms https://m.home; b emby https://m.home", "is there twice"),
    ],
)
def test_a_wrong_line_is_named(line: str, message: str):
    """What it is and what it should be."""
    assert message in problems(AUTHZ_MUSIC_SERVERS=line)


class TestPlainHttp:
    @pytest.mark.parametrize(
        "host",
        ["127.0.0.1", "10.1.2.3", "[fd00::1]", "navidrome", "music.home", "nas.local"],
    )
    def test_it_is_fine_at_home_with_a_warning(self, host: str):
        """In one's own network, and said at start."""
        settings = read_music_settings(
            {}, {"AUTHZ_MUSIC_SERVERS": f"home navidrome http://{host}:4533"}
        )

        assert "passwords travel" in str(settings.warnings[0])

    @pytest.mark.parametrize("host", ["music.example.com", "8.8.8.8", "[2600::1]"])
    def test_it_is_refused_on_the_internet(self, host: str):
        """Unless the host is named a second time."""
        line = f"home navidrome http://{host}"

        assert "anybody on the way" in problems(AUTHZ_MUSIC_SERVERS=line)
        read_music_settings(
            {},
            {
                "AUTHZ_MUSIC_SERVERS": line,
                "AUTHZ_MUSIC_HTTP_HOSTS": host.strip("[]"),
            },
        )

    def test_https_needs_no_warning(self):
        """Nothing to say."""
        settings = read_music_settings(
            {}, {"AUTHZ_MUSIC_SERVERS": "home navidrome https://music.example.com"}
        )

        assert settings.warnings == ()


@pytest.mark.parametrize(
    ("peer", "encrypted", "plain"),
    [
        ("127.0.0.1", True, True),
        ("::1", True, True),
        ("192.168.1.9", True, True),
        ("fd00::9", True, True),
        ("100.101.102.103", True, True),
        ("93.184.216.34", True, False),
        ("2606:2800::1", True, False),
        ("::ffff:93.184.216.34", True, False),
        ("169.254.169.254", False, False),
        ("::ffff:169.254.169.254", False, False),
        ("fe80::1%eth0", False, False),
        ("64:ff9b::a9fe:a9fe", False, False),
        ("0.0.0.0", False, False),  # noqa: S104 - nobody listens
        ("224.0.0.1", False, False),
        ("240.0.0.1", False, False),
        ("", False, False),
        ("not an address", False, False),
    ],
)
def test_where_a_name_may_lead(peer: str, encrypted: bool, plain: bool):
    """To no cloud's metadata at all, and without TLS only into private networks."""
    assert may_speak_to(peer, private_only=False) is encrypted
    assert may_speak_to(peer, private_only=True) is plain


class TestSettings:
    def test_nothing_set_is_off(self):
        """No server, no key, and unlinked people share."""
        settings = read_music_settings({}, {})

        assert settings.servers == ()
        assert settings.keys == ()
        assert settings.unlinked is Unlinked.SHARED

    def test_every_setting_is_read(self):
        """A wrong value of each is a problem."""
        wrong = {
            "AUTHZ_MUSIC_SERVERS": "x",
            "AUTHZ_ENCRYPTION_KEY": "S3cret",
            "AUTHZ_MUSIC_UNLINKED": "maybe",
            "AUTHZ_MUSIC_CA": "/no/such/file",
            "AUTHZ_MUSIC_TIMEOUT": "0",
            "AUTHZ_MUSIC_CHECK_HOURS": "never",
        }
        any_text = {"AUTHZ_MUSIC_STORE", "AUTHZ_MUSIC_HTTP_HOSTS"}

        assert {setting.name for setting in MUSIC_SETTINGS} == set(wrong) | any_text
        text = problems(**wrong)
        assert all(f"{name}: " in text for name in wrong)
        assert "S3cret" not in text

    def test_authz_knows_them(self, tmp_path: Path):
        """They are no misspellings to it, and a misspelled one is."""
        key = tmp_path / "key"
        key.write_text(new_secret())
        environ = {
            "AUTHZ_MUSIC_SERVERS": "home lyrion http://lyrion:9000",
            "AUTHZ_ENCRYPTION_KEY_FILE": str(key),
        }
        read_settings({}, environ)

        with pytest.raises(SettingsError, match="did you mean `AUTHZ_MUSIC_SERVERS`"):
            read_settings({}, {"AUTHZ_MUSIC_SERVER": "x"})

    def test_the_store_is_not_shown(self):
        """Its address may hold a password."""
        settings = read_music_settings(
            {}, {"AUTHZ_MUSIC_STORE": "postgresql://authz:S3cret@db/authz"}
        )

        assert "S3cret" not in repr(settings)
