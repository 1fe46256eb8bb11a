"""Files that a command writes where there are none: all of them, or none."""

from collections.abc import Mapping
from pathlib import Path

from authz.errors import PolicyError, Problem, StoreError
from authz.stores.file.policy import hint_to_write


def write_new(folder: Path, files: Mapping[str, bytes], *, there: str) -> list[Path]:
    """Write *files*, by name, into *folder*, and return where they are.

    Args:
        folder: Is made if it is not there.
        files: What each holds.
        there: What to do about one that is there already.

    Raises:
        PolicyError: if one is; no other is written then.
        StoreError: if they cannot be written; those that were are taken away again.
    """
    paths = {folder / name: data for name, data in files.items()}
    taken = [path for path in paths if path.exists()]
    if taken:
        raise PolicyError(
            Problem(where=str(path), message="the file is there already", hint=there)
            for path in taken
        )
    made: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, data in paths.items():
            # `x`: somebody else may have been faster.
            with path.open("xb") as file:
                made.append(path)
                file.write(data)
    except OSError as error:
        for path in made:
            path.unlink(missing_ok=True)
        raise StoreError(
            f"{folder}: nothing can be written there ({error.strerror}): "
            f"{hint_to_write(error, folder)}"
        ) from error
    return made
