"""The project's packages as they are published, and what they are installed beside.

Nothing is fetched: what others publish is taken from where the tests run.
"""

import base64
import csv
import hashlib
import io
import os
import struct
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import chdir, redirect_stdout
from email import message_from_string
from importlib.metadata import Distribution, distribution
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from unittest.mock import patch

import hatchling.build
from packaging.requirements import Requirement
from packaging.tags import parse_tag, sys_tags
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SOURCES = {"authz-casbin": ROOT, "authz-audiomuse": ROOT / "adapters" / "audiomuse"}
#: What a build is dated; any moment will do, if it is the same one.
EPOCH = "1795824000"


def build(source: Path, into: Path, *targets: str) -> None:
    """Build *targets* (`wheel`, `sdist`) of the package at *source* into a folder."""
    into.mkdir(exist_ok=True)
    dated = patch.dict(os.environ, {"SOURCE_DATE_EPOCH": EPOCH})
    with chdir(source), dated, redirect_stdout(io.StringIO()):
        for target in targets:
            getattr(hatchling.build, f"build_{target}")(str(into))


def unpacked(wheel: Path, into: Path) -> Distribution:
    """Unpack a *wheel* of ours into a folder, and return what it says of itself."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(into)
    compile_ours(into)
    (info,) = into.glob("*.dist-info")
    return Distribution.at(info)


def closure(
    asked: Iterable[str], ours: Mapping[str, Distribution]
) -> list[Distribution]:
    """Return everything that the requirements *asked* need, and nothing besides.

    *ours* are packages of this project, by their names; the others are those that
    are installed here.
    """
    queue = [Requirement(text) for text in asked]
    done: set[tuple[str, str]] = set()
    found: dict[str, Distribution] = {}
    while queue:
        needed = queue.pop()
        name = canonicalize_name(needed.name)
        dist = found.setdefault(name, ours.get(name) or distribution(name))
        assert needed.specifier.contains(dist.version), needed
        for extra in {"", *needed.extras}:
            if (name, extra) not in done:
                done.add((name, extra))
                queue += _needs(dist, extra)
    return list(found.values())


def _needs(dist: Distribution, extra: str) -> list[Requirement]:
    """Return what *dist* needs here, and needs besides for an *extra*."""
    offered = map(canonicalize_name, dist.metadata.get_all("Provides-Extra") or ())
    assert not extra or canonicalize_name(extra) in offered, f"{dist.name}[{extra}]"
    return [
        needed
        for needed in map(Requirement, dist.requires or ())
        if not needed.marker or needed.marker.evaluate({"extra": extra})
    ]


def link(dists: Iterable[Distribution], site: Path) -> None:
    """Let *dists*, and nothing besides, be what is installed at *site*."""
    for dist in dists:
        tops = {file.parts[0] for file in dist.files or ()}
        for top in tops - {"..", "__pycache__"}:
            (site / top).symlink_to(str(dist.locate_file(top)))


def put_together(dists: Iterable[Distribution], into: Path) -> None:
    """Write wheels of *dists* that are installed here, for pip to install again."""
    for dist in dists:
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
