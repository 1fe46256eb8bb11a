"""Fills an empty configuration folder: `python -m authz_audiomuse.seed /config`.

What is there already stays as it is.
"""

import sys
from importlib.resources import files
from pathlib import Path


def seed(folder: Path) -> bool:
    """Write the shipped policy into *folder* if it holds none; return whether.

    Raises:
        OSError: if the folder cannot be written.
    """
    target = folder / "policy.csv"
    policy = files("authz_audiomuse").joinpath("policy.csv").read_bytes()
    try:
        with target.open("xb") as file:
            file.write(policy)
    except FileExistsError:
        return False
    return True


def main(arguments: list[str]) -> int:
    """Fill the folder in *arguments*; return the exit code."""
    if len(arguments) != 1 or arguments[0].startswith("-"):
        sys.stderr.write("usage: python -m authz_audiomuse.seed FOLDER\n")
        return 2
    folder = Path(arguments[0])
    try:
        if seed(folder):
            sys.stdout.write(f"wrote {folder / 'policy.csv'}\n")
    except OSError as error:
        sys.stderr.write(
            f"{folder}: the policy cannot be written ({error.strerror}): "
            "check who owns the folder\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
