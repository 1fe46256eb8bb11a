"""The plugin for pytest: it collects policy tests, when it is asked to."""

import subprocess
import sys

import pytest

POLICY = "p, role:user, /map, GET\np, role:everyone, /files/x, GET\n"
TESTS = """\
people: {kid: {roles: [user]}}
tests:
  - name: maps
    as: kid
    allow: GET /map
  - name: guests
    as: anonymous
    deny: [GET /map, "GET /files/**"]
"""


#: What the tests of an app look like that stands behind an identity provider.
SUITE = """\
from flask import Flask
from authz import Authz
from authz.extension import get_authz
from authz.testing import Signer
import pytest

@pytest.fixture
def signer():
    return Signer(issuer="https://auth.test", audience="maps")

@pytest.fixture
def client(signer, tmp_path):
    app = Flask("maps", static_folder=None)
    app.config["AUTHZ_POLICY"] = "policy.csv"
    app.config.update(signer.settings(tmp_path / "jwks.json"))
    app.add_url_rule("/map", "map", lambda: "map")
    Authz(app)
    yield app.test_client()
    get_authz(app).runtime.close()

def status(client, token):
    header = {"Authorization": f"Bearer {token}"}
    return client.get("/map", headers=header).status_code

def test_a_kid(client, signer):
    assert status(client, signer.token(sub="kid")) == 200

def test_a_stranger(client, signer):
    assert status(client, signer.token(sub="stranger")) == 403

def test_a_forger(client):
    forger = Signer(issuer="https://auth.test", audience="maps")
    assert status(client, forger.token(sub="kid")) == 401
"""


@pytest.fixture(name="folder")
def _folder(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.path / "policy.csv").write_text(POLICY)
    (pytester.path / "policy_test.yaml").write_text(TESTS)
    return pytester


def test_only_when_asked(folder: pytest.Pytester):
    """A run that does not ask collects nothing, and imports nothing of authz."""
    result = folder.runpytest_inprocess("-p", "no:xdist")

    result.assert_outcomes()


def test_it_costs_nothing():
    """The plugin is imported in every run; authz only in those that ask."""
    code = "import sys, authz_pytest; sys.exit('authz' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_expectation_is_an_item(folder: pytest.Pytester):
    """With who may what in its name, and the reason when it fails."""
    result = folder.runpytest_inprocess("-p", "no:xdist", "--authz", "-v")

    result.assert_outcomes(passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*policy_test.yaml::maps: kid may GET /map PASSED*",
            "*policy_test.yaml::guests: anonymous may not GET /files/* FAILED*",
            "GET /files/x: expected deny, got allow by *policy.csv:2 (/files/x)",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_beside_the_tests_of_an_app(folder: pytest.Pytester):
    """One run: what the policy promises, and the app with tokens that are signed."""
    policy = folder.path / "policy.csv"
    policy.write_text("p, role:user, /map, GET\ng, user:test/kid, role:user\n")
    folder.makepyfile(test_app=SUITE)

    result = folder.runpytest_inprocess("-p", "no:xdist", "--authz")
    result.assert_outcomes(passed=6)


def test_always_by_configuration(folder: pytest.Pytester):
    """The configuration may ask for it, and name the policy and the routes."""
    (folder.path / "other.csv").write_text("p, role:user, /map, GET\n")
    folder.makeini("[pytest]\nauthz = true\nauthz_policy = other.csv\n")

    folder.runpytest_inprocess("-p", "no:xdist").assert_outcomes(passed=3)


def test_routes(folder: pytest.Pytester):
    """With them, a test about nothing is an error of collection."""
    (folder.path / "routes.json").write_text(
        '{"routes": [{"method": "GET", "route": "/map", "endpoint": "map"}]}'
    )
    result = folder.runpytest_inprocess(
        "-p", "no:xdist", "--authz", "--authz-routes", "routes.json"
    )

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*policy_test.yaml:8: no route of the app is*"])


@pytest.mark.parametrize(
    ("name", "text"), [("policy.csv", "p, x\n"), ("policy_test.yaml", "tests: 1")]
)
def test_what_cannot_be_read(folder: pytest.Pytester, name: str, text: str):
    """It is an error, in words and with its line; never a pass."""
    (folder.path / name).write_text(text)
    result = folder.runpytest_inprocess("-p", "no:xdist", "--authz")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([f"*{name}:1: *"])
