"""Administrators who take each other's rights away, all at once: one always remains.

    python -m tests.races --races 10000 --store postgresql

Each race begins with two administrators. Several processes, on a signal, delete,
demote or disable one of them, or change the rules that make an administrator. When all
are done there must be somebody left who can sign in and administer.
"""

import argparse
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from authz.admin import changes
from authz.admin.changes import Draft
from authz.admin.context import Actor, AdminContext
from authz.admin.lockout_checks import people_check
from authz.administration import Administration, names_in
from authz.audit import AuditEvent
from authz.decision import Origin, signed_in
from authz.errors import (
    AlreadyThere,
    LastAdmin,
    LockedOut,
    NotFound,
    PolicyError,
    StoreConflict,
)
from authz.identity.people import Person
from authz.policy.csv_rows import Row
from authz.policy.records import Add, Change, Entry, Remove, Replace, Switch
from authz.runtime import Runtime, start
from authz.settings import read_settings
from tests.processes import new_processes

HASH = "$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$YQ"
SEED = """\
p, role:user, /map, GET
p, role:admin, /*, *
g, user:a, role:admin
g, user:b, role:admin
"""
_FREE: dict[str, Any] = {"check": lambda *_: None, "before_commit": lambda *_: None}
_TRIES = 20


class Silence:
    """Keeps no event."""

    def record(self, event: AuditEvent) -> None:
        """Forget *event*."""


def open_context(config: dict[str, Any]) -> AdminContext:
    """Return the admin context of one process."""
    runtime: Runtime = start(
        read_settings({"AUTHZ_POLL_SECONDS": "3600", **config}, {}),
        audit=Silence(),
    )
    return AdminContext(runtime=runtime)


def row(kind: str, *fields: str) -> Row:
    """Return a row that comes from nowhere."""
    return Row(kind, fields, Origin("race"))


def entry(context: AdminContext, *fields: str) -> Entry:
    """Return the entry that begins with *fields*."""
    for found in context.records.snapshot().entries:
        if found.row.fields[: len(fields)] == fields:
            return found
    raise LookupError(f"there is no {fields}")


def _policy(
    make: Callable[[AdminContext], Change],
) -> Callable[[AdminContext, Actor, str], None]:
    def attack(context: AdminContext, actor: Actor, _: str) -> None:
        base = context.records.snapshot().etag
        draft = Draft(base=base, changes=(make(context),))
        changes.apply(context, actor, draft, note="race")

    return attack


def _about(
    make: Callable[[AdminContext, str], Change],
) -> Callable[[AdminContext, Actor, str], None]:
    def attack(context: AdminContext, actor: Actor, victim: str) -> None:
        _policy(lambda here: make(here, victim))(context, actor, victim)

    return attack


def _person(**fields: Any) -> Callable[[AdminContext, Actor, str], None]:
    def attack(context: AdminContext, actor: Actor, victim: str) -> None:
        old = context.people.find(victim)
        if old is None:
            raise LookupError(victim)
        check = people_check(context, actor, old)
        if fields:
            context.people.replace(
                replace(old, **fields), expected=old, check=check, before_commit=_nobody
            )
        else:
            context.people.remove(old, check=check, before_commit=_nobody)

    return attack


def _nobody(_old: Person | None, _new: Person | None) -> None:
    """Write nothing down."""


#: Every way to take an administrator's rights away.
ATTACKS: dict[str, Callable[[AdminContext, Actor, str], None]] = {
    "delete": _person(),
    "disable": _person(disabled=True),
    "no password": _person(password_hash=""),
    "demote": _about(
        lambda o, who: Remove(id=entry(o, f"user:{who}", "role:admin").id)
    ),
    "another role": _about(
        lambda o, who: Replace(
            id=entry(o, f"user:{who}", "role:admin").id,
            row=row("g", f"user:{who}", "role:user"),
        )
    ),
    "disable grant": _about(
        lambda o, who: Switch(
            id=entry(o, f"user:{who}", "role:admin").id, disabled=True
        )
    ),
    "deny": _about(
        lambda _, who: Add(row=row("p", f"user:{who}", "/authz/*", "*", "deny"))
    ),
    "edit rule": _policy(
        lambda o: Replace(
            id=entry(o, "role:admin").id, row=row("p", "role:admin", "/map", "*")
        )
    ),
}


@dataclass
class Tally:
    """What happened in all races."""

    races: int = 0
    lost: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    def __str__(self) -> str:
        said = ", ".join(f"{n} {what}" for what, n in self.outcomes.most_common())
        return (
            f"{self.races} races, {self.lost} without an administrator; "
            f"{said}; slowest change {self.slowest:.3f} s"
        )


def _worker(config: dict[str, Any], number: int, wire: Connection, gate: Any) -> None:
    context = open_context(config)
    # Two of them administer themselves; the others act from the command line.
    me = ("a", "b", "shell")[min(number, 2)]
    actor = Actor(subject=signed_in(f"user:{me}", source="local", display_name=me))
    wire.send("ready")
    while (seed := wire.recv()) is not None:
        rng = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable
        name = rng.choice(list(ATTACKS))
        victim = rng.choice("ab")
        context.runtime.refresh()
        gate.wait()
        wire.send(_attack(context, actor, name, victim))
    context.runtime.close()


def _attack(
    context: AdminContext, actor: Actor, name: str, victim: str
) -> tuple[str, float]:
    slowest = 0.0
    for _ in range(_TRIES):
        begun = time.monotonic()
        try:
            ATTACKS[name](context, actor, victim)
        except StoreConflict:
            continue  # look again, as a person would
        except LastAdmin:
            return "refused: the last one", slowest
        except LockedOut:
            return "refused: locks out its author", slowest
        except PolicyError:
            return "refused: no policy would be left", slowest
        except (LookupError, NotFound, AlreadyThere):
            return "came too late", slowest
        finally:
            slowest = max(slowest, time.monotonic() - begun)
        return f"done: {name}", slowest
    return "gave up", slowest


def _reset(context: AdminContext) -> None:
    """Let there be two administrators, and nobody else."""
    snapshot = context.records.snapshot()
    wanted = {tuple(line.split(", ")) for line in SEED.splitlines()}
    there = {(e.row.kind, *e.row.fields): e for e in snapshot.entries if not e.disabled}
    made: list[Change] = [
        Remove(id=e.id)
        for e in snapshot.entries
        if e.disabled or (e.row.kind, *e.row.fields) not in wanted
    ]
    made += [Add(row=row(*fields)) for fields in wanted if fields not in there]
    context.records.apply(
        made, expected=snapshot.etag, author="", note="reset", **_FREE
    )
    for name in "ab":
        new = Person(id=name, display_name=name, source="local", password_hash=HASH)
        old = context.people.find(name)
        if old is None:
            context.people.add(new, **_FREE)
        elif old.disabled or not old.password_hash:
            context.people.replace(
                replace(old, disabled=False, password_hash=HASH), expected=old, **_FREE
            )


def somebody(context: AdminContext) -> str | None:
    """Return who can administer, as the stores have it now."""
    entries = context.records.snapshot().entries
    found = Administration(
        policy=context.build(entries),
        names=names_in(e.row.fields for e in entries if not e.disabled),
        people=context.people.everyone(),
    ).somebody()
    return None if found is None else found.name


def run(config: dict[str, Any], races: int, *, processes: int = 4) -> Tally:
    """Run *races* with the stores that *config* names."""
    forking = new_processes()
    gate = forking.Barrier(processes)
    context = open_context(config)
    wires, workers = [], []
    for number in range(processes):
        wire, theirs = forking.Pipe()
        worker = forking.Process(
            target=_worker, args=(config, number, theirs, gate), daemon=True
        )
        worker.start()
        wires.append(wire)
        workers.append(worker)
    for wire in wires:
        wire.recv()
    tally = Tally()
    for seed in range(races):
        _reset(context)
        for wire in wires:
            wire.send(seed)
        for wire in wires:
            outcome, seconds = wire.recv()
            tally.outcomes[outcome] += 1
            tally.slowest = max(tally.slowest, seconds)
        tally.races += 1
        tally.lost += somebody(context) is None
    for wire, worker in zip(wires, workers, strict=True):
        with suppress(BrokenPipeError):
            wire.send(None)
        worker.join(10)
    context.runtime.close()
    return tally


def config_for(kind: str, folder: Path, url: str | None = None) -> dict[str, Any]:
    """Return the settings of a new store: `sqlite`, `postgresql`, or `file`."""
    seed = folder / "policy.csv"
    seed.write_text(SEED)
    store = url or f"sqlite:///{folder}/authz.db"
    if kind == "file":
        return {
            "AUTHZ_STORE": store,
            "AUTHZ_POLICY": str(seed),
            "AUTHZ_POLICY_WRITABLE": "true",
        }
    return {"AUTHZ_STORE": store, "AUTHZ_POLICY_SEED": str(seed)}


def main() -> None:
    """Run what the command line asks for; print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--races", type=int, default=10_000)
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument(
        "--store", choices=["sqlite", "postgresql", "file"], default="sqlite"
    )
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = None
        server = None
        if asked.store == "postgresql":
            from tests.services import PostgreSQL

            server = PostgreSQL()
            url = server.new_database()
        config = config_for(asked.store, Path(folder), url)
        begun = time.monotonic()
        tally = run(config, asked.races, processes=asked.processes)
        print(f"{asked.store}: {tally}; {time.monotonic() - begun:.0f} s")  # noqa: T201
        if server is not None:
            server.close()
    raise SystemExit(tally.lost > 0)


if __name__ == "__main__":
    main()
