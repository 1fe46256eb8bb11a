"""Writing a policy file as authz does: under its lock, whole or not at all."""

from pathlib import Path

from authz.stores.file.policy import CsvFile


def save(path: Path, data: bytes) -> bytes | None:
    """Put *data* into the policy file *path*; return what was there."""
    with CsvFile(path).writing() as file:
        file.replace(data)
    return file.before
