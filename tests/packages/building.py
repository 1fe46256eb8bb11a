"""The project's packages as they are published, and a place to install them from.

Nothing is fetched: the packages of others are put together again as wheels from where
the tests run, so that pip itself resolves what a person would have it resolve.
"""

import base64
import csv
import hashlib
import io
import os
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from email import message_from_string
from importlib.metadata import Distribution, distribution
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

from packaging.requirements import Requirement
from packaging.tags import parse_tag, sys_tags
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCES = {"authz-casbin": ROOT, "authz-audiomuse": ROOT / "adapters" / "audiomuse"}
#: What a build is dated; any moment will do, if it is the same one.
EPOCH = "1795824000"


def build(source: Path, into: Path, *targets: str) -> None:
    """Build *targets* (`wheel`, `sdist`) of the package at *source* into a folder."""
    chosen = [word for target in targets for word in ("-t", target)]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", *chosen, "-d", str(into)],
        cwd=source,
        env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
        check=True,
        capture_output=True,
    )


def put_together(named: Iterable[str], into: Path) -> None:
    """Write wheels of everything that the requirements *named* need, installed here."""
    queue = [Requirement(text) for text in named]
    done: set[tuple[str, str]] = set()
    while queue:
        asked = queue.pop()
        name = canonicalize_name(asked.name)
        dist = distribution(name)
        for extra in ("", *asked.extras):
            if (name, extra) in done:
                continue
            done.add((name, extra))
            needed = [Requirement(text) for text in dist.requires or ()]
            queue += [
                requirement
                for requirement in needed
                if not requirement.marker
                or requirement.marker.evaluate({"extra": extra})
            ]
            if extra == "" and name not in SOURCES:
                _write(dist, into)


def _write(dist: Distribution, into: Path) -> None:
    """Write one wheel of *dist*: its files as they lie here, and a new RECORD."""
    info = message_from_string(dist.read_text("WHEEL") or "")
    tags = {tag for text in info.get_all("Tag") or () for tag in parse_tag(text)}
    tag = next(tag for tag in sys_tags() if tag in tags)
    name = canonicalize_name(dist.name).replace("-", "_")
    record = io.StringIO()
    rows = csv.writer(record)
    path = into / f"{name}-{dist.version}-{tag}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        where = ""
        for file in dist.files or ():
            if ".." in file.parts or file.suffix == ".pyc":
                continue
            if file.name == "RECORD" and file.parent.suffix == ".dist-info":
                where = str(file)
                continue
            content = file.read_binary()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest())
            rows.writerow(
                [file, f"sha256={digest.rstrip(b'=').decode()}", len(content)]
            )
            archive.writestr(str(file), content)
            if compiled := compiled_here(Path(file.locate()), content):
                cache = cache_from_source(str(file))
                rows.writerow([cache, "", ""])
                archive.writestr(cache, compiled)
        rows.writerow([where, "", ""])
        archive.writestr(where, record.getvalue())


def compiled_here(path: Path, source: bytes) -> bytes:
    """Return what *source* compiles to, if it was compiled at *path*; else nothing.

    To compile everything in each environment takes longer than to install it.
    """
    cache = Path(cache_from_source(str(path)))
    if path.suffix != ".py" or not cache.exists():
        return b""
    magic, flags, _, size = struct.unpack("<4s3I", cache.read_bytes()[:16])
    if magic != MAGIC_NUMBER or flags or size != len(source):
        return b""
    # It goes by what the source is, not by when it was written (PEP 552).
    head = MAGIC_NUMBER + struct.pack("<I", 0b11) + source_hash(source)
    return head + cache.read_bytes()[16:]


def compile_ours(site: Path) -> None:
    """Give our packages, installed at *site*, what they were compiled to here."""
    for folder in SOURCES.values():
        for source in folder.glob("authz*/**/*.py"):
            there = site / source.relative_to(folder)
            if there.exists() and (
                compiled := compiled_here(source, there.read_bytes())
            ):
                cache = Path(cache_from_source(str(there)))
                cache.parent.mkdir(exist_ok=True)
                cache.write_bytes(compiled)
