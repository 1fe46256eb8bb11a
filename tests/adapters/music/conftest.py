"""Stores of linked accounts, and apps that have them."""

import itertools
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from authz_audiomuse.music.attach import attach_music
from authz_audiomuse.music.links import LinkStore
from authz_audiomuse.music.listed import ServerKind
from authz_audiomuse.music.offboarding import ForgetLeavers
from authz_audiomuse.music.sql_links import SqlLinks, migrate_links
from flask import Flask
from jinja2 import FileSystemBytecodeCache

from authz import Authz
from authz.audit import Tee
from authz.extension import get_authz
from authz.integration.sealing import new_secret
from authz.stores.sql.database import Database
from tests.adapters.music.house import POLICY, Build, ByHeader, House
from tests.adapters.music.rigs import started
from tests.adapters.music.stand_in import Host
from tests.web.apps import CHEAP_BOB, RecordingSink

POSTGRESQL = pytest.param("postgresql", marks=pytest.mark.slow)


@pytest.fixture(name="open_database")
def _open_database() -> Iterator[Callable[[str], Database]]:
    opened: list[Database] = []

    def open_(url: str) -> Database:
        opened.append(Database(url))
        return opened[-1]

    yield open_
    for database in opened:
        database.close()


@pytest.fixture(name="database", params=["sqlite", POSTGRESQL])
def _database(
    request: Any, tmp_path: Path, open_database: Callable[[str], Database]
) -> Database:
    if request.param == "sqlite":
        return open_database(f"sqlite:///{tmp_path}/music.db")
    return open_database(request.getfixturevalue("postgresql").lend(request))


@pytest.fixture(name="empty_database", scope="session")
def _empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with the table and nothing in it, to be copied."""
    path = tmp_path_factory.mktemp("music") / "music.db"
    database = Database(f"sqlite:///{path}")
    migrate_links(database)
    # Everything into the one file: what lies beside it is not copied.
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(name="empty")
def _empty(
    tmp_path: Path, empty_database: Path, open_database: Callable[[str], Database]
) -> Callable[[], Database]:
    """Opens another database with the table and nothing in it, each time."""
    numbers = itertools.count()

    def empty() -> Database:
        copy = shutil.copy(empty_database, tmp_path / f"links-{next(numbers)}.db")
        return open_database(f"sqlite:///{copy}")

    return empty


@pytest.fixture(name="links", params=["sqlite", POSTGRESQL])
def _links(request: Any, open_database: Callable[[str], Database]) -> LinkStore:
    if request.param == "sqlite":
        return SqlLinks(request.getfixturevalue("empty")())
    database = open_database(request.getfixturevalue("postgresql").lend(request))
    migrate_links(database)
    return SqlLinks(database)


@pytest.fixture(name="compiled", scope="session")
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> FileSystemBytecodeCache:
    """Templates, compiled once and not for each app."""
    return FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))


@pytest.fixture(name="house")
def _house(
    tmp_path: Path, empty_database: Path, compiled: FileSystemBytecodeCache
) -> Iterator[Build]:
    shutil.copy(empty_database, tmp_path / "linked.db")
    policy = tmp_path / "policy.csv"
    policy.write_text(POLICY)
    made: list[House] = []
    with ExitStack() as stack:

        def build(
            *kinds: ServerKind,
            takes_keys: bool = True,
            with_hook: bool = True,
            **config: Any,
        ) -> House:
            rigs = [stack.enter_context(started(kind)) for kind in kinds]
            lines = [
                f"s{number} {rig.kind} {rig.fake.url}"
                for number, rig in enumerate(rigs)
            ]
            app = Flask("audiomuse")
            app.jinja_options = {"bytecode_cache": compiled}
            app.config.update(
                AUTHZ_POLICY=str(policy),
                AUTHZ_MUSIC_SERVERS="\n".join(lines),
                AUTHZ_MUSIC_STORE=f"sqlite:///{tmp_path}/linked.db",
                AUTHZ_MUSIC_TIMEOUT=60,
                AUTHZ_ENCRYPTION_KEY=new_secret(),
                # With an account there is a hash to compare with that is cheap.
                AUTHZ_USER="zoe",
                AUTHZ_USER_PASSWORD=CHEAP_BOB,
            )
            app.config.update(config)
            host = Host(rigs, takes_keys=takes_keys)
            host.add_to(app)
            leavers, sink = ForgetLeavers(), RecordingSink()
            Authz(app, audit=Tee(leavers, sink), sources=[ByHeader()])
            music = attach_music(
                app,
                environ={},
                context=host.context if with_hook else None,
                config=host.config,
                leavers=leavers,
            )
            made.append(House(app, music, host, sink))
            return made[-1]

        yield build
        for each in made:
            if each.music:
                each.music.close()
            get_authz(each.app).runtime.close()
