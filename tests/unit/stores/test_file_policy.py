"""A policy file on disk is always whole, and never taken for empty."""

import os
from pathlib import Path

import pytest

from authz.errors import StoreError
from authz.stores.file.key import shared_key
from authz.stores.file.policy import CsvFile
from tests.saving import save

OLD = b"p, role:user, /old, GET\n" * 2000
NEW = b"p, role:user, /new, GET\n" * 3000


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> CsvFile:
    path = tmp_path / "policy.csv"
    path.write_bytes(OLD)
    return CsvFile(path)


class TestReading:
    @pytest.mark.parametrize("kind", ["missing", "folder"])
    def test_what_cannot_be_read_is_no_policy(self, tmp_path: Path, kind: str):
        """A failing store raises, with the path and what to do; it is never empty."""
        path = tmp_path / "policy.csv"
        if kind == "folder":
            path.mkdir()

        for attempt in (CsvFile(path).read, lambda: CsvFile(path).changed(None)):
            with pytest.raises(StoreError, match=r"policy.csv.*AUTHZ_POLICY"):
                attempt()

    def test_the_mark_changes_with_the_content(self, store: CsvFile):
        """A change of the same length in the same instant is seen."""
        before = store.changed(None)
        assert before
        stat = store.path.stat()
        store.path.write_bytes(OLD.replace(b"old", b"odd"))
        os.utime(store.path, ns=(stat.st_atime_ns, stat.st_mtime_ns))

        after = store.changed(before[0])
        assert after
        assert after[1] == store.read()
        assert store.changed(after[0]) is None

    def test_a_swapped_folder_is_seen(self, tmp_path: Path):
        """Kubernetes swaps a link to a folder; the path stays the same."""
        for name, text in (("one", OLD), ("two", NEW)):
            (tmp_path / name).mkdir()
            (tmp_path / name / "policy.csv").write_bytes(text)
        link = tmp_path / "data"
        link.symlink_to("one")
        store = CsvFile(link / "policy.csv")
        before = store.changed(None)
        assert before
        (tmp_path / "new").symlink_to("two")
        (tmp_path / "new").replace(link)

        assert (store.changed(before[0]) or before)[1] == NEW


class TestWriting:
    def test_it_replaces_and_keeps_what_was(self, store: CsvFile):
        """The old content is kept as `.prev`, and no other file is left behind."""
        save(store.path, NEW)

        assert store.read() == NEW
        assert store.path.with_name("policy.csv.prev").read_bytes() == OLD
        assert sorted(path.name for path in store.path.parent.iterdir()) == [
            ".policy.csv.lock",
            "policy.csv",
            "policy.csv.prev",
        ]

    def test_a_writer_that_was_killed_before_the_end_leaves_no_third_name(
        self, store: CsvFile
    ):
        """The file and `.prev` are one file then; the next writer takes them apart."""
        previous = store.path.with_name("policy.csv.prev")
        previous.hardlink_to(store.path)
        save(store.path, NEW)

        assert (store.read(), previous.read_bytes()) == (NEW, OLD)
        assert not store.path.with_name(".policy.csv.prev").exists()

    def test_it_keeps_the_mode(self, store: CsvFile):
        """Who may read the file is the operator's business."""
        store.path.chmod(0o640)
        save(store.path, NEW)

        assert store.path.stat().st_mode & 0o777 == 0o640

    def test_it_keeps_a_link(self, store: CsvFile, tmp_path: Path):
        """What a link leads to is replaced, not the link."""
        link = tmp_path / "link.csv"
        link.symlink_to("policy.csv")
        save(link, NEW)

        assert link.is_symlink()
        assert store.read() == NEW

    def test_a_link_that_leads_to_itself_is_said_to(self, tmp_path: Path):
        """Reading, writing and the key beside it fail in words, not by accident."""
        loop = tmp_path / "policy.csv"
        loop.symlink_to("policy.csv")
        loop_file = CsvFile(loop)
        for ask in (
            loop_file.read,
            lambda: save(loop, NEW),
        ):
            with pytest.raises(StoreError, match=r"policy.csv: the \w+ "):
                ask()
        assert len(shared_key(loop) or b"") == 32
        assert loop.is_symlink()

    def test_a_failure_leaves_everything(
        self, store: CsvFile, monkeypatch: pytest.MonkeyPatch
    ):
        """A full disk: the file is as it was, and nothing half-written stays."""

        def full(_descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(
            StoreError, match=r"No space left on device.*: the disk is full; make room"
        ):
            save(store.path, NEW)

        assert store.read() == OLD
        assert {path.name for path in store.path.parent.iterdir()} == {
            ".policy.csv.lock",
            "policy.csv",
        }
