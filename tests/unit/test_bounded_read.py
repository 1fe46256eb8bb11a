"""What is no file keeps nobody waiting, and neither does a file that does not come."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from authz.bounded_read import open_regular, read_file


@pytest.fixture(name="strange", params=["pipe", "device", "folder", "link", "socket"])
def _strange(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "strange"
    if request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
    else:
        path.symlink_to("/dev/zero" if request.param == "device" else tmp_path)
    return path


def test_what_is_no_file_is_not_read(strange: Path):
    """A pipe, a device, a folder, a socket, also behind a link: at once, in words."""
    with pytest.raises(OSError, match=r"it is a \w+, not a file"):
        read_file(strange, most=1000)


def test_what_is_no_file_is_not_written(strange: Path):
    """The audit log, too, is a file and nothing else."""
    with pytest.raises(OSError, match=r"not a file|[Ii]s a directory|No such device"):
        os.close(open_regular(strange, os.O_RDWR | os.O_APPEND))


def test_a_file_has_a_size(tmp_path: Path):
    """As many bytes as it may have, and not one more; nobody reads the rest."""
    path = tmp_path / "file"
    path.write_bytes(b"x" * 10)

    assert read_file(path, most=10) == b"x" * 10
    with path.open("ab") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 10 bytes"):
        read_file(path, most=10)


def test_a_file_that_is_far_too_big_is_not_begun(tmp_path: Path):
    """Its size says so: nobody reads for seconds what is refused then."""
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="more than 1024 MiB"):
        read_file(path, most=1 << 30)


def test_a_shell_may_name_a_pipe(tmp_path: Path):
    """As `<(git show ...)` is one, where that was asked for."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(b"p, a, b, c\n",))
    writer.start()
    try:
        assert read_file(path, most=100, pipes=True) == b"p, a, b, c\n"
    finally:
        writer.join()


def test_a_read_that_hangs_is_waited_for_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Others of the same file are told at once; when it is over, all is as before."""
    path = tmp_path / "share"
    path.write_text("there")
    (tmp_path / "other").write_text("other")
    back = threading.Event()
    asked: list[object] = []
    real: Callable[..., os.stat_result] = os.stat

    def stat(name: object, *more: object, **options: object) -> os.stat_result:
        if str(name) == str(path):
            asked.append(name)
            back.wait()
        return real(name, *more, **options)

    monkeypatch.setattr(os, "stat", stat)
    monkeypatch.setattr("authz.bounded_read.SECONDS", 0.05)
    for _ in range(5):
        with pytest.raises(TimeoutError, match="no answer"):
            read_file(path, most=100)
    assert len(asked) == 1
    assert read_file(tmp_path / "other", most=100) == b"other"
    back.set()
    for thread in threading.enumerate():
        if thread.name == "authz-read":
            thread.join()
    assert read_file(path, most=100) == b"there"
