"""A file that was read before is read again where it has changed, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.errors import PolicyError
from authz.policy.build import BuiltPolicy, build_from_rows, build_policy
from authz.policy.csv_rows import MAX_BYTES, Row
from authz.policy.recent_builds import RecentBuilds
from authz.policy.recent_rows import RecentRows
from tests.soak.csv_faults import MODEL

HEAD = "p, role:admin, /*, *\ng, user:root, role:admin\n"
LINES = (
    "p, role:a, /x, GET",
    "p, role:a, /x, GET",
    "p,role:b , /y/:id,\t(GET)|(POST), deny",
    'p, "user:ben", /z/*, *',
    "p, user:be\u0301n, /z, GET",
    "g, user:ben, role:a",
    "# a comment, ä",
    "",
    "\ufeff# a mark within",
    "p, role:a, x, GET",
    "q, 1",
    "<<<<<<< ours",
)
#: A few lines with their ends, which the last one may lack.
TEXTS = st.lists(
    st.tuples(
        st.sampled_from(LINES) | st.sampled_from(LINES[:7]),
        st.sampled_from(("\n", "\n", "\r\n", "\r")),
    ),
    max_size=9,
).map(lambda lines: "".join(map("".join, lines)))
STATES = st.tuples(
    st.sampled_from(("", "", "\ufeff")),
    st.sampled_from((HEAD, HEAD.replace("\n", "\r\n"), "")),
    TEXTS,
    st.sampled_from(("", "p, role:b, /last, GET", "\n", "\r", "\x1f")),
).map(lambda parts: "".join(parts).encode())
CUTS = st.tuples(st.integers(0, 300), st.integers(0, 12), st.binary(max_size=3))


def edited(data: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    """Return *data* after some bytes of it were taken out, and others put in."""
    for at, size, put_in in cuts:
        data = data[:at] + put_in + data[at + size :]
    return data


def load(data: bytes, recent: RecentBuilds) -> BuiltPolicy:
    """Build the policy of a file of which states before are known."""

    def build(rows: tuple[Row, ...], before: BuiltPolicy | None) -> BuiltPolicy:
        return build_from_rows(MODEL, rows, before=before, policy_source="policy.csv")

    return recent.get(recent.rows.read(data, source="policy.csv").rows, MODEL, build)


def outcome(data: bytes, recent: RecentBuilds | None) -> object:
    """Return all that a file comes to: what was read and built, or every problem."""
    try:
        if recent is None:
            built = build_policy(MODEL, data)
            warned = built.warnings
        else:
            built = load(data, recent)
            warned = recent.rows.read(data, source="policy.csv").warnings
            warned += built.warnings
    except PolicyError as error:
        return error.problems
    written = built.policy.written
    assert written is not None
    return built.rows, written.rules, written.grants, written.revision, warned


@given(STATES, st.lists(STATES | st.lists(CUTS, max_size=3), min_size=1, max_size=4))
@settings(max_examples=150)
def test_a_file_that_is_read_again_is_what_it_is_when_read_alone(
    first: bytes, steps: list[bytes | list[tuple[int, int, bytes]]]
):
    """Rows, rules, their lines, the revision, warnings and problems are the same."""
    recent, data = RecentBuilds(), first
    outcome(data, recent)
    for step in steps:
        data = step if isinstance(step, bytes) else edited(data, step)

        assert outcome(data, recent) == outcome(data, None)


@given(TEXTS, TEXTS, st.sampled_from(LINES[:8]), st.sampled_from(LINES[:8]))
@settings(max_examples=60)
def test_lines_around_a_change_become_the_same_rules(
    ahead: str, behind: str, was: str, will: str
):
    """Where a line changes and none is added, every other one is the same object."""
    recent = RecentBuilds()
    old, new = (f"{HEAD}{ahead}\n{x}\n{behind}".encode() for x in (was, will))
    try:
        before, after = load(old, recent), load(new, recent)
    except PolicyError:
        return
    here = old[: old.index(b"\n", len(f"{HEAD}{ahead}\n{was}".encode()))].count(b"\n")
    made = rules_by_line(before), rules_by_line(after)
    for line, rule in made[1].items():
        assert line == here + 1 or rule is made[0][line]


def rules_by_line(built: BuiltPolicy) -> dict[int, object]:
    """Return the rules of a policy by their lines."""
    written = built.policy.written
    assert written is not None
    return {rule.origin.line: rule for rule in written.rules}


def test_the_same_bytes_are_read_once():
    """Whoever asks for the rows of a state that was just read gets the same ones."""
    rows = RecentRows()
    first = rows.read(HEAD.encode(), source="policy.csv")

    assert rows.read(HEAD.encode(), source="policy.csv") is first
    assert rows.read(HEAD.encode(), source="other.csv").rows[0].origin.source == (
        "other.csv"
    )


def test_a_file_that_grows_too_large_is_refused():
    """However little of it is new."""
    rows = RecentRows()
    data = HEAD.encode()
    rows.read(data, source="policy.csv")
    with pytest.raises(PolicyError, match="bytes"):
        rows.read(data + b"#" * MAX_BYTES, source="policy.csv")
