"""What is imported for what: nobody pays for what they do not use."""

import subprocess
import sys

import pytest

_HEAVY = {
    *("casbin", "jwt", "cryptography", "urllib3", "jmespath", "limits", "argon2"),
    *("flask", "werkzeug", "yaml", "jsonschema", "sqlalchemy", "prometheus_client"),
    *("authz.runtime", "authz.web.api", "authz.web.pages.build"),
    *("authz.stores.factory", "authz.stores.sql", "authz.administration"),
    *("authz.policy.analysis.impact", "authz.policy.analysis.promises"),
    *("authz.policy.lint", "authz.identity.accounts", "authz.audit"),
    # What parts of Python take as long as parts of Flask do.
    *("importlib.metadata", "importlib.resources", "email", "socket", "asyncio"),
    "authz_audiomuse.settings",
    *("logging", "subprocess", "tempfile", "zipfile", "xml.etree.ElementTree"),
}
_LISTS = {
    *("importlib.metadata", "importlib.resources", "email", "socket"),
    *("tempfile", "zipfile"),
}
_POLICY = "p, role:user, /map, GET\n"
_TESTS = "tests:\n- allow: GET /map for role:user\n"


def _loaded(code: str, cwd: str | None = None) -> set[str]:
    """Return which heavy modules a fresh interpreter has loaded after *code*."""
    code = (
        "import sys\n"
        f"try:\n    {code}\nexcept SystemExit:\n    pass\n"
        "print('loaded', *sys.modules)"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, check=True)
    return set(done.stdout.rpartition("loaded ")[2].split()) & _HEAVY


@pytest.mark.parametrize(
    ("words", "also"),
    [
        # It lists what is installed beside authz, and loads none of it.
        (["--help"], _LISTS),
        (["check", "role:user", "GET", "/map"], set()),
        (["check", "role:user", "GET", "/map", "--explain"], set()),
        (["lint"], {"authz.policy.lint", "authz.policy.analysis.promises"}),
        (["test"], {"yaml", "authz.policy.analysis.promises"}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_loads_what_it_uses(tmp_path, words: list[str], also: set[str]):
    """A question about one file needs no framework, no database and no cryptography."""
    (tmp_path / "policy.csv").write_text(_POLICY)
    (tmp_path / "policy_test.yaml").write_text(_TESTS)

    loaded = _loaded(f"import authz.cli; authz.cli.main({words!r})", str(tmp_path))

    assert loaded <= also


def test_the_package_itself_loads_nothing():
    """Its public names are imported when they are used."""
    assert _loaded("import authz; authz.PolicyError") == set()


def test_the_extension_loads_no_engine_and_no_admin_pages():
    """An app whose model is the shipped one never loads pycasbin."""
    loaded = _loaded("from authz import Authz")

    assert {"flask", "authz.runtime"} <= loaded
    assert not loaded & {
        *("casbin", "jwt", "cryptography", "urllib3", "jmespath", "jsonschema"),
        *("sqlalchemy", "authz.web.api", "authz.web.pages.build"),
        *("limits", "asyncio", "argon2"),
    }


def test_an_app_without_admin_pages_does_not_load_them(tmp_path):
    """Nor an app without signed tokens what verifies them."""
    (tmp_path / "policy.csv").write_text(_POLICY)
    loaded = _loaded(
        "from flask import Flask; from authz import Authz; app = Flask('a');"
        "app.config.update(AUTHZ_ADMIN_ENABLED=False, AUTHZ_ANONYMOUS_ROLE='user');"
        "Authz(app)",
        str(tmp_path),
    )

    assert "authz.runtime" in loaded
    assert not loaded & {
        *("casbin", "jwt", "cryptography", "jsonschema", "sqlalchemy"),
        *("authz.web.api", "authz.web.pages.build"),
    }


def test_every_public_name_can_be_imported():
    """The names that type checkers see are those that there are."""
    import authz

    assert all(getattr(authz, name) is not None for name in authz.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        authz.nothing  # noqa: B018
