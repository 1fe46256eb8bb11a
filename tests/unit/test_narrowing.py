"""A `select` narrowed by scopes returns the rows that asking for each would allow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from authz.narrowing import narrow
from authz.scope import Scope, ScopeSet

KNOWN = ("kids", "a b", "old", "\u00e9", "'; --", "7")
PATTERNS = ("*", "library:*", "server:*", *(f"library:{each}" for each in KNOWN))
ENGINE = create_engine("sqlite://")
TRACKS = Table("tracks", MetaData(), Column("library", String(255)))


class Base(DeclarativeBase):
    """Where the ORM keeps its classes."""


class Track(Base):
    """The same table, mapped."""

    __tablename__ = "numbered"
    id: Mapped[int] = mapped_column(primary_key=True)
    library: Mapped[int] = mapped_column(Integer)


@pytest.fixture(name="rows", scope="module")
def _rows():
    with ENGINE.connect() as connection:
        TRACKS.metadata.create_all(connection)
        Base.metadata.create_all(connection)
        connection.execute(TRACKS.insert(), [{"library": each} for each in KNOWN])
        connection.execute(
            Track.__table__.insert(), [{"library": 7}, {"library": 8}, {"library": 70}]
        )
        yield connection


SETS = st.builds(
    ScopeSet.where,
    st.frozensets(st.sampled_from(PATTERNS)),
    st.frozensets(st.sampled_from(PATTERNS)),
)


@given(scopes=SETS)
def test_narrowing_equals_asking_for_each_row(rows, scopes: ScopeSet):
    """The rows that come are those whose scope is in the set."""
    statement = narrow(select(TRACKS), TRACKS.c.library, scopes.ids("library"))

    found = {row.library for row in rows.execute(statement)}
    assert found == {k for k in KNOWN if Scope.of("library", k) in scopes}


def test_all_add_nothing_and_none_a_false_condition():
    """What somebody who may see everything asks is not made slower."""
    every, none = ScopeSet.where(("*",)), ScopeSet()

    assert narrow(select(TRACKS), TRACKS.c.library, every.ids("library")) is not None
    assert "WHERE" not in str(
        narrow(select(TRACKS), TRACKS.c.library, every.ids("library"))
    )
    assert "false" in str(
        narrow(select(TRACKS), TRACKS.c.library, none.ids("library"))
    ).lower().replace("0 = 1", "false")


def test_mapped_classes_and_whole_numbers_are_narrowed(rows):
    """An id that is not spelled as the number is nobody's."""
    ids = ScopeSet.where(("library:7", "library:08", "library:x")).ids("library")
    statement = narrow(select(Track), Track.library, ids)

    with Session(bind=rows) as session:
        assert [track.library for track in session.scalars(statement)] == [7]
