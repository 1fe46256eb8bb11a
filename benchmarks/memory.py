"""How much memory one loaded policy takes, measured in a process of its own."""

import gc
import resource
import sys
import tempfile
from pathlib import Path

from benchmarks.engines import LOADERS, as_polar
from benchmarks.workload import SIZES, Workload


def resident() -> float:
    """Return what this process has in memory, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def write(workload: Workload, folder: Path) -> Path:
    """Write the policy of *workload* for every engine; return where."""
    path = folder / "policy.csv"
    path.write_bytes(workload.csv())
    path.with_suffix(".polar").write_text(as_polar(workload), encoding="utf-8")
    return path


def main() -> None:
    """Print by how many MiB loading a policy file with an engine made this process grow."""
    load, path = LOADERS[sys.argv[1]], Path(sys.argv[2])
    # A small one first: what is imported on the way is no part of a policy.
    with tempfile.TemporaryDirectory() as folder:
        load(write(Workload(SIZES[0]), Path(folder)))
    gc.collect()
    before = resident()
    loaded = load(path)
    gc.collect()
    print(f"{resident() - before:.1f}")
    del loaded


if __name__ == "__main__":
    main()
