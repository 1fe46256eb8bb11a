"""Writes the policy file that the settings name, if it is not there.

`python -m authz_audiomuse.seed`, before the first start. What is there stays as it is.
"""

import os
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path


def seed(policy: Path) -> bool:
    """Write the shipped policy to *policy* if nothing is there; return whether.

    Raises:
        OSError: if it cannot be written.
    """
    if policy.exists():
        return False
    shipped = files("authz_audiomuse").joinpath("policy.csv").read_bytes()
    try:
        with policy.open("xb") as file:
            file.write(shipped)
    except FileExistsError:
        return False
    return True


def main(environ: Mapping[str, str]) -> int:
    """Write what AUTHZ_POLICY in *environ* names, if anything; return the exit code."""
    named = environ.get("AUTHZ_POLICY")
    if not named:
        return 0
    try:
        if seed(Path(named)):
            sys.stdout.write(f"wrote {named}\n")
    except OSError as error:
        sys.stderr.write(
            f"AUTHZ_POLICY: `{named}` cannot be written ({error.strerror}): "
            "check who owns the folder\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
