"""A policy file as a store: read-only with a patch, or written with a history."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from authz.errors import StoreConflict, StoreError, StoreReadOnly
from authz.policy.records import Add, Remove
from authz.stores.file.history import CsvHistory
from authz.stores.file.policy import CsvFile
from authz.stores.file.records import CsvRecords
from tests.contracts.policy_records import apply, row

TEXT = "# people\np, role:user, /map, GET\n\n# all\np, role:admin, /*, *\n"
NEW = Add(row=row("p", "role:user", "/chat", "GET"), note="talk")


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.csv"
    path.write_text(TEXT)
    return path


def records(path: Path, *, writable: bool = True, kept: int = 200) -> CsvRecords:
    """Return the file *path* as a store."""
    history = CsvHistory(path, kept=kept) if writable else None
    return CsvRecords(CsvFile(path), source="policy.csv", history=history)


def test_a_read_only_file_answers_with_the_patch(path: Path):
    """The patch makes of the file what the change would have made of it."""
    store = records(path, writable=False)
    assert store.read_only

    with pytest.raises(StoreReadOnly) as caught:
        apply(store, NEW, Remove(id="L5"))

    assert path.read_text() == TEXT
    subprocess.run(
        ["git", "apply", "-"], input=caught.value.patch, text=True, cwd=path.parent,
        check=True,
    )  # fmt: skip
    assert path.read_text() == (
        "# people\np, role:user, /map, GET\n# note: talk\np, role:user, /chat, GET\n"
        "\n# all\n"
    )


def test_a_read_only_file_has_no_history(path: Path):
    """Git has it; no folder appears."""
    store = records(path, writable=False)

    assert store.snapshot().number == 0
    assert store.history(limit=10) == ()
    with pytest.raises(LookupError):
        store.at(1)
    assert [p.name for p in path.parent.iterdir()] == ["policy.csv"]


def test_a_bad_change_to_a_read_only_file_is_refused_first(path: Path):
    """Nobody is given a patch that could not be put in force."""

    def refuse(*_: object) -> None:
        raise LookupError

    with pytest.raises(LookupError):
        apply(records(path, writable=False), NEW, check=refuse)


def test_changes_by_hand_are_noted(path: Path):
    """What somebody did to the file between two changes is a revision of its own."""
    store = records(path)
    apply(store, NEW)
    path.write_text(path.read_text() + "g, user:x, role:user\n")
    by_hand = path.read_bytes()
    number = store.snapshot().number

    apply(store, Remove(id="L2"))

    assert [(r.number, r.author) for r in store.history(limit=10)] == [
        (4, "user:anna"),
        (3, ""),
        (2, "user:anna"),
        (1, ""),
    ]
    assert number == 3
    assert (
        store.at(3).etag
        == CsvRecords(
            CsvFile(path.with_name(".policy.csv.history") / "3.csv"), source=""
        )
        .snapshot()
        .etag
    )
    assert path.with_name(".policy.csv.history").joinpath("3.csv").read_bytes() == (
        by_hand
    )


def test_of_two_writers_one_loses(path: Path):
    """Two who have seen the same state cannot both change it."""
    seen = records(path).etag()

    def write(number: int) -> str:
        add = Add(row=row("p", "role:user", f"/{number}", "GET"))
        try:
            apply(records(path), add, expected=seen)
        except StoreConflict:
            return "lost"
        return "won"

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(8))) == ["lost"] * 7 + ["won"]


def test_a_file_that_somebody_changed_is_read_again(path: Path):
    """Whoever it was."""
    store = records(path)
    first = store.snapshot()
    path.write_text(TEXT + "g, user:new, role:user\n")

    assert len(store.snapshot().entries) == len(first.entries) + 1


def test_the_history_is_bounded(path: Path):
    """Old revisions go; their numbers are not given again."""
    store = records(path, kept=3)
    for number in range(6):
        apply(store, Add(row=row("p", "role:user", f"/{number}", "GET")))

    assert [r.number for r in store.history(limit=10)] == [7, 6, 5]
    assert len(list(path.with_name(".policy.csv.history").iterdir())) == 6


def test_a_history_that_cannot_be_written_refuses_the_change(path: Path):
    """The folder is a file, say: the policy stays as it is."""
    path.with_name(".policy.csv.history").write_text("")

    with pytest.raises(StoreError, match="history"):
        apply(records(path), NEW)

    assert path.read_text() == TEXT


def test_a_damaged_history_is_no_empty_one(path: Path):
    """A description that cannot be read is a problem, not a missing revision."""
    store = records(path)
    apply(store, NEW)
    folder = path.with_name(".policy.csv.history")
    (folder / "2.json").write_text(json.dumps({"etag": "x"}))

    with pytest.raises(StoreError, match=r"2\.json"):
        store.history(limit=10)


def test_a_missing_file_is_no_empty_policy(path: Path):
    """Reading what is not there fails."""
    path.unlink()

    with pytest.raises(StoreError):
        records(path).snapshot()
