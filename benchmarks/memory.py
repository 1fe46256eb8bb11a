"""How much memory one loaded policy takes, measured in a process of its own."""

import gc
import resource
import sys
import tempfile
from pathlib import Path

from benchmarks.decisions import load_ours, load_stock
from benchmarks.workload import SIZES, Workload


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    """Print by how many MiB the process grew."""
    engine, index = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.csv"
        path.write_bytes(Workload(SIZES[index]).csv())
        gc.collect()
        before = _resident()
        loaded = load_ours(path.read_bytes()) if engine == "ours" else load_stock(path)
        gc.collect()
        print(f"{_resident() - before:.1f}")
        del loaded


if __name__ == "__main__":
    main()
