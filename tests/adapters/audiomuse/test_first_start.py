"""The first start: where the policy is, and who can sign in."""

from pathlib import Path

import pytest
from authz_audiomuse.seed import main, seed

from authz.extension import get_authz
from tests.adapters.audiomuse.rig import ACCOUNTS, guarded


class TestTheFile:
    """A policy file that is named and missing is written, and a full one left alone."""

    def test_it_is_written_once(self, tmp_path: Path):
        """The shipped policy is written if there is none, and never over another."""
        policy = tmp_path / "policy.csv"
        assert main({"AUTHZ_POLICY": str(policy)}) == 0
        assert "p, role:admin, /*, *" in policy.read_text(encoding="utf-8")

        policy.write_text("mine", encoding="utf-8")
        assert seed(policy) is False
        assert policy.read_text(encoding="utf-8") == "mine"

    def test_without_a_name_nothing_is_written(self, tmp_path: Path):
        """The policy is in the package then, or in a database."""
        assert main({}) == 0
        assert list(tmp_path.iterdir()) == []

    def test_it_says_why_it_cannot(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ):
        """A folder that is missing is named."""
        missing = tmp_path / "nothing" / "policy.csv"
        assert main({"AUTHZ_POLICY": str(missing)}) == 1
        assert f"`{missing}` cannot be written" in capsys.readouterr().err


class TestTheDatabase:
    """With a store the shipped policy fills it, once."""

    def test_it_is_filled_with_the_shipped_policy(self, tmp_path: Path):
        """Rules are in the database, and the adapter works as with a file."""
        store = f"sqlite:///{tmp_path}/authz.db"
        with guarded(**ACCOUNTS, AUTHZ_STORE=store) as rig:
            assert get_authz(rig.app).runtime.settings.store.holds_rules
            bob = rig.signed_in("bob")
            assert bob(path="/map").ran
            assert bob(path="/analysis").status == 403
            get_authz(rig.app).runtime.close()

    def test_a_file_that_is_named_stays_the_policy(self, tmp_path: Path):
        """Then only people are in the database."""
        policy = tmp_path / "policy.csv"
        seed(policy)
        store = f"sqlite:///{tmp_path}/authz.db"
        with guarded(**ACCOUNTS, AUTHZ_STORE=store, AUTHZ_POLICY=str(policy)) as rig:
            assert not get_authz(rig.app).runtime.settings.store.holds_rules
            assert rig.signed_in("bob")(path="/map").ran
            get_authz(rig.app).runtime.close()


def test_nobody_who_could_sign_in_is_said_aloud(caplog: pytest.LogCaptureFixture):
    """It starts, closed, and says what to set."""
    with guarded() as rig:
        assert "nobody can sign in: set AUTHZ_ADMIN" in caplog.text
        assert rig.stranger()(path="/map").status == 401
