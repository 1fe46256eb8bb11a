"""People in a database: changed in turn, each change checked against what it leaves."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from authz.audit import Clock, utc_now
from authz.errors import AlreadyThere, InvalidValue, StoreConflict, StoreReadOnly
from authz.identity.lookalikes import skeletons
from authz.identity.people import (
    BY_ID,
    LOCAL,
    PeopleBeforeCommit,
    PeopleCheck,
    PeopleOrder,
    PeoplePage,
    Person,
    Whom,
    skeleton,
)
from authz.names import name_problem
from authz.settings.accounts import ACCOUNT_NAME
from authz.stores.fixed_people import is_found
from authz.stores.sql.database import Database
from authz.stores.sql.head import count_up
from authz.stores.sql.json_columns import list_in
from authz.stores.sql.people_order import listed
from authz.stores.sql.tables import authz_fixed_person, authz_person

#: More groups than this are not written down; the policy is asked about all of them.
_MAX_GROUPS: Final = 500
_MAX_DISPLAY: Final = 255

#: Whether the password of a person is the one of a hash.
SamePassword = Callable[[Person, str], bool]


class SqlPeople:
    """The people in one database, and the accounts that settings name."""

    def __init__(
        self,
        database: Database,
        *,
        fixed: Sequence[Person] = (),
        clock: Clock = utc_now,
        rules_locked: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Use *database*, which `migrate` has prepared.

        *fixed* are the accounts that settings name: they win, and cannot be changed.
        While *rules_locked* is held nobody else changes what a change of people is
        checked against.
        """
        self._rules_locked = rules_locked
        self._database = database
        self._fixed = {person.id: replace(person, fixed=True) for person in fixed}
        self._reserved = {skeleton(id_): id_ for id_ in self._fixed}
        self._clock = clock

    def find(self, id: str) -> Person | None:  # noqa: A002 - the port's signature
        """Return the person *id*, or None."""
        with self._database.read() as connection:
            fixed = [p for p in self._with_epochs(connection) if p.id == id]
            if fixed:
                return fixed[0]
            if skeleton(id) in self._reserved:
                return None
            found = connection.execute(
                select(authz_person).where(authz_person.c.id == id)
            ).first()
        return None if found is None else _person(found)

    def page(  # noqa: PLR0913 - the port's signature
        self,
        *,
        search: str = "",
        source: str = "",
        whom: Whom | None = None,
        order: PeopleOrder = BY_ID,
        limit: int,
        offset: int = 0,
    ) -> PeoplePage:
        """Return people in *order*, those whose id or display name holds *search*."""
        with self._database.read() as connection:
            fixed = [
                person
                for person in self._with_epochs(connection)
                if is_found(person, search, source)
                and (whom is None or whom(person.id, person.source, person.groups))
            ]
            where = self._where(search, source)
            # The database sorts the accounts of settings too: nobody is on two pages,
            # or on none, because two ways of sorting disagree about a letter.
            rows = listed(where, fixed, order, sqlite=self._database.is_sqlite)
            if whom is None:
                stored = connection.scalar(
                    select(func.count()).select_from(authz_person).where(*where)
                )
                total = (stored or 0) + len(fixed)
                found = connection.execute(rows.offset(offset).limit(limit))
                ids = [row.id for row in found]
            else:
                every = self._ids(connection, rows, whom)
                total, ids = len(every), every[offset : offset + limit]
            shown = {person.id: person for person in fixed}
            query = select(authz_person).where(authz_person.c.id.in_(ids), *where)
            shown.update((row.id, _person(row)) for row in connection.execute(query))
        return PeoplePage(people=tuple(shown[id_] for id_ in ids), total=total)

    def everyone(self) -> tuple[Person, ...]:
        """Return all people."""
        stored = select(authz_person).where(*self._where("", ""))
        with self._database.read() as connection:
            people = [
                *self._with_epochs(connection),
                *map(_person, connection.execute(stored)),
            ]
        # Not by the database: PostgreSQL sorts as its locale does.
        return tuple(sorted(people, key=lambda person: person.id))

    def add(
        self, person: Person, *, check: PeopleCheck, before_commit: PeopleBeforeCommit
    ) -> Person:
        """Add *person*; see `PeopleStore`."""
        _refuse_unfit(person)
        with self._rules_locked(), self._database.write() as connection:
            twin = self._twin(connection, person.id)
            if twin is not None:
                raise AlreadyThere(
                    f"`{twin}` is there already"
                    + ("" if twin == person.id else f", and `{person.id}` looks alike"),
                    "choose another id",
                )
            new = replace(
                person,
                epoch=count_up(self._database, "people"),
                created=person.created or self._clock(),
                fixed=False,
            )
            connection.execute(insert(authz_person).values(_values(new)))
            check(self.everyone())
            before_commit(None, new)
            return new

    def _twin(self, connection: Connection, id_: str) -> str | None:
        """Return whose id is *id_*, or would be taken for it."""
        known = connection.scalar(
            select(authz_person.c.id).where(authz_person.c.skeleton == skeleton(id_))
        )
        if known is not None or "/" in id_:
            return str(known) if known else self._reserved.get(skeleton(id_))
        # Letters of other alphabets that look the same are not in that column.
        mine = skeletons(id_)
        local = select(authz_person.c.id).where(authz_person.c.id.not_like("%/%"))
        for other in (*self._fixed, *connection.scalars(local)):
            if not mine.isdisjoint(skeletons(other)):
                return str(other)
        return None

    def replace(
        self,
        person: Person,
        *,
        expected: Person,
        check: PeopleCheck,
        before_commit: PeopleBeforeCommit,
    ) -> Person:
        """Keep *person* in place of who had the id; see `PeopleStore`."""
        _refuse_unfit(person)
        if person.id != expected.id:
            raise ValueError("an id cannot be changed: add another person")
        with self._rules_locked(), self._database.write() as connection:
            old = self._expected(expected)
            epoch = count_up(self._database, "people")
            ended = (
                person.password_hash != old.password_hash
                or person.epoch != expected.epoch
                or (person.disabled and not old.disabled)
            )
            new = replace(
                person,
                epoch=epoch if ended else old.epoch,
                groups=old.groups,
                created=old.created,
                last_seen=old.last_seen,
                fixed=old.fixed,
            )
            if old.fixed:
                if replace(new, epoch=old.epoch) != old:
                    raise _read_only(old)
                connection.execute(
                    update(authz_fixed_person)
                    .where(authz_fixed_person.c.id == old.id)
                    .values(epoch=new.epoch)
                )
            else:
                connection.execute(
                    update(authz_person)
                    .where(authz_person.c.id == old.id)
                    .values(_values(new))
                )
            check(self.everyone())
            before_commit(old, new)
            return new

    def remove(
        self, expected: Person, *, check: PeopleCheck, before_commit: PeopleBeforeCommit
    ) -> None:
        """Forget a person, and end their sessions; see `PeopleStore`."""
        with self._rules_locked(), self._database.write() as connection:
            old = self._expected(expected)
            if old.fixed:
                raise _read_only(old)
            count_up(self._database, "people")
            connection.execute(delete(authz_person).where(authz_person.c.id == old.id))
            check(self.everyone())
            before_commit(old, None)

    def seen(self, persons: Sequence[Person]) -> None:
        """Note people who were here; see `PeopleStore`."""
        now = self._clock()
        with self._database.write() as connection:
            known = self._known(connection, persons)
            for person in {person.id: person for person in persons}.values():
                if person.id in self._fixed:
                    continue
                if "/" not in person.id:
                    # The account is kept here, its name too; no provider has it.
                    if person.source != LOCAL:
                        continue
                    query = update(authz_person).where(authz_person.c.id == person.id)
                    connection.execute(query.values(last_seen=person.last_seen or now))
                    continue
                values = {
                    "display_name": person.display_name[:_MAX_DISPLAY],
                    "groups": _written_groups(person.groups),
                    "last_seen": person.last_seen or now,
                }
                if person.id in known:
                    query = update(authz_person).where(authz_person.c.id == person.id)
                    connection.execute(query.values(values))
                    continue
                _refuse_unfit(person)
                new = replace(
                    person,
                    password_hash="",
                    disabled=False,
                    epoch=count_up(self._database, "people"),
                    created=now,
                )
                connection.execute(
                    insert(authz_person).values({**_values(new), **values})
                )

    def pin_fixed(self, same_password: SamePassword) -> None:
        """Give the accounts that settings name their epochs, at start.

        A new epoch where *same_password* says of a person and the hash that was kept
        that they are of two passwords: then sessions of the old one end, on all
        processes.
        """
        for person in self._fixed.values():
            with self._database.read() as connection:
                kept = _fixed_row(connection, person.id)
            if kept is not None and same_password(person, kept.password_hash):
                continue
            # Hashing takes a while; nobody waits for it with the lock held.
            with self._database.write() as connection:
                if _fixed_row(connection, person.id) != kept:
                    continue  # another process with the same settings was first
                values = {
                    "password_hash": person.password_hash,
                    "epoch": count_up(self._database, "people"),
                }
                where = authz_fixed_person.c.id == person.id
                connection.execute(
                    insert(authz_fixed_person).values(id=person.id, **values)
                    if kept is None
                    else update(authz_fixed_person).where(where).values(values)
                )

    def _with_epochs(self, connection: Connection) -> list[Person]:
        if not self._fixed:
            return []
        kept = {row.id: row for row in connection.execute(select(authz_fixed_person))}
        return [
            # The hash that was kept is of the same password (`pin_fixed`), and the same
            # for all processes: their browsers are known by it.
            replace(
                person,
                epoch=kept[person.id].epoch,
                password_hash=person.password_hash and kept[person.id].password_hash,
            )
            if person.id in kept
            else person
            for person in self._fixed.values()
        ]

    def _where(self, search: str, source: str) -> list[ColumnElement[bool]]:
        where: list[ColumnElement[bool]] = [
            authz_person.c.skeleton.not_in(self._reserved)
        ]
        if source:
            where.append(authz_person.c.source == source)
        if search:
            where.append(
                or_(
                    authz_person.c.id.icontains(search, autoescape=True),
                    authz_person.c.display_name.icontains(search, autoescape=True),
                )
            )
        return where

    @staticmethod
    def _ids(connection: Connection, rows: Select[Any], whom: Whom) -> list[str]:
        """Return the ids of those who are meant; nobody is read as a whole."""
        read: dict[str, frozenset[str]] = {}  # many are in the same groups
        ids = []
        for row in connection.execute(rows):
            groups = read.get(row.groups)
            if groups is None:
                found = list_in(authz_person.c.groups, row, str)
                groups = read[row.groups] = frozenset(found)
            if whom(row.id, row.source, groups):
                ids.append(row.id)
        return ids

    def _expected(self, expected: Person) -> Person:
        old = self.find(expected.id)
        if old is None:
            raise LookupError(f"there is nobody called `{expected.id}`")
        if _comparable(old) != _comparable(expected):
            raise StoreConflict(
                f"somebody else changed `{old.id}`", "look at it and repeat the change"
            )
        return old

    def _known(self, connection: Connection, persons: Iterable[Person]) -> set[str]:
        ids = [person.id for person in persons]
        query = select(authz_person.c.id).where(authz_person.c.id.in_(ids))
        return set(connection.scalars(query))


def _fixed_row(connection: Connection, id_: str) -> Any:
    where = authz_fixed_person.c.id == id_
    return connection.execute(select(authz_fixed_person).where(where)).first()


def _comparable(person: Person) -> Person:
    return replace(person, last_seen=None, groups=frozenset(), created=None)


def _read_only(person: Person) -> StoreReadOnly:
    return StoreReadOnly(
        f"`{person.id}` is named by a setting", "change the setting and restart"
    )


def _refuse_unfit(person: Person) -> None:
    if person.source != LOCAL:
        problem = name_problem(person.subject_name)
        if problem is None and not person.id.startswith(f"{person.source}/"):
            raise InvalidValue(
                f"`{person.id[:80]}` is nobody's", f"write `{person.source}/id`"
            )
        if problem is not None:
            raise InvalidValue.of(problem)
    elif not ACCOUNT_NAME.fullmatch(person.id):
        raise InvalidValue(
            f"{person.id[:80]!a} cannot be an account id",
            "use 1 to 64 letters, digits and `.`, `_`, `@`, `+`, `-`",
        )
    if unicodedata.normalize("NFC", person.id) != person.id:
        raise InvalidValue(
            "the id has combining characters", "type it with composed letters"
        )
    if len(person.display_name) > _MAX_DISPLAY:
        raise InvalidValue(
            "the display name is too long", f"use at most {_MAX_DISPLAY} characters"
        )


def _values(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "skeleton": skeleton(person.id),
        "display_name": person.display_name,
        "source": person.source,
        "password_hash": person.password_hash,
        "disabled": person.disabled,
        "epoch": person.epoch,
        "groups": _written_groups(person.groups),
        "created": person.created,
        "last_seen": person.last_seen,
    }


def _written_groups(groups: Iterable[str]) -> str:
    return json.dumps(sorted(groups)[:_MAX_GROUPS])


def _person(found: Any) -> Person:
    return Person(
        id=found.id,
        display_name=found.display_name,
        source=found.source,
        password_hash=found.password_hash,
        disabled=found.disabled,
        epoch=found.epoch,
        groups=frozenset(list_in(authz_person.c.groups, found, str)),
        created=found.created,
        last_seen=found.last_seen,
    )
