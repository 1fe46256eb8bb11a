"""Settings as they may be shown: with their source, and no secret."""

from pathlib import Path

import pytest

from authz.settings import SETTINGS
from authz.settings.shown import Shown, shown_settings

SECRET = "s3cr3t-w0rd"


def shown(name: str, **environ: str) -> Shown:
    """Return the setting *name* when the environment is *environ*."""
    return next(s for s in shown_settings({}, environ) if s.name == name)


#: They are shown in part, or whole.
NO_SECRET = {
    *("AUTHZ_ADMIN", "AUTHZ_USER", "AUTHZ_STORE", "AUTHZ_REDIS_URL"),
    "AUTHZ_FORWARD_HOSTS",
}


@pytest.mark.parametrize(
    "name", sorted({s.name for s in SETTINGS if s.from_file} - NO_SECRET)
)
def test_what_may_come_from_a_file_is_masked(name: str, tmp_path: Path):
    """Set directly, or by its file; whatever it looks like."""
    file = tmp_path / "secret"
    for text in (SECRET, f"scheme://{SECRET}", f"a{SECRET}://x"):
        file.write_text(text)
        assert shown(name, **{name: text}).value == "***"
        assert shown(name, **{f"{name}_FILE": str(file)}).value == "***"
        assert SECRET not in repr(shown(name, **{name: text}))


@pytest.mark.parametrize("name", ["AUTHZ_STORE", "AUTHZ_REDIS_URL"])
@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}@host:5432/db",
        f"postgresql://u:a/b{SECRET}@host:5432/db",
        f"postgresql://u:a@b?{SECRET}@host:5432/db",
        f"postgresql://u:#{SECRET}\n@host:5432/db",
        f"postgresql://host:5432/db?password={SECRET}",
        f"postgresql://host:5432/db#{SECRET}",
        f"u:{SECRET}@host:5432/db",
    ],
)
def test_an_address_is_shown_without_its_password(name: str, url: str):
    """Whatever signs the password is made of."""
    found = shown(name, **{name: url})

    assert SECRET not in repr(found)
    assert found.value in {
        "postgresql://***@host:5432/db",
        "postgresql://host:5432/db",
        "***",
    }


def test_where_it_comes_from(tmp_path: Path):
    """The app's config first, then the environment; by which name and file."""
    file = tmp_path / "pw"
    file.write_text(SECRET)
    config = {"AUTHZ_LANDING": "/map", "AUTHZ_MOUNTS": ["/a", "/b"]}
    environ = {
        "AUTHZ_LANDING": "/other",
        "ADMIN": "alice",
        "AUTHZ_ADMIN_PASSWORD_FILE": str(file),
    }
    found = {s.name: (s.value, s.source) for s in shown_settings(config, environ)}

    assert found["AUTHZ_LANDING"] == ("/map", "app config")
    assert found["AUTHZ_MOUNTS"] == ("/a,/b", "app config")
    assert found["AUTHZ_ADMIN"] == ("alice", "environment, ADMIN")
    assert found["AUTHZ_ADMIN_PASSWORD"] == (
        "***",
        f"environment, AUTHZ_ADMIN_PASSWORD_FILE={file}",
    )
    assert found["AUTHZ_CONTACT"] == (None, "default")
    assert set(found) == {setting.name for setting in SETTINGS}


def test_numbered_settings():
    """Those of further issuers are shown like the first one's."""
    environ = {"AUTHZ_JWT_2_ISSUER": "https://i", "AUTHZ_JWT_2_SECRET": SECRET}
    found = {s.name: s.value for s in shown_settings({}, environ)}

    assert found["AUTHZ_JWT_2_ISSUER"] == "https://i"
    assert found["AUTHZ_JWT_2_SECRET"] == "***"
