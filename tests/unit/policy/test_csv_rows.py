"""`policy.csv` is read whole or not at all; each problem says where and what to do."""

import gzip
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.decision import PLAIN_COLUMNS, SCOPED_COLUMNS, Effect, Grant, Origin, Policy
from authz.errors import PolicyError, Problem
from authz.policy.csv_rows import (
    MAX_BYTES,
    MAX_PROBLEMS,
    read_rows,
    spell,
    spelled,
)
from authz.policy.patterns import path_match
from authz.policy.rules import policy_from_rows

GOOD = """\
p, role:admin, /admin, GET
p, role:admin, /api/config, GET|PUT
p, role:user, /chat, GET
g, user:alice, role:admin
g, user:bob, role:user
"""


def load(text: str | bytes, *grants: Grant) -> Policy:
    """Read a policy."""
    data = text.encode() if isinstance(text, str) else text
    rows = read_rows(data)
    return policy_from_rows(rows.rows, grants=grants, source="policy.csv")


def refusal(text: str | bytes) -> str:
    """Return why a policy is refused."""
    with pytest.raises(PolicyError) as caught:
        load(text)
    return str(caught.value)


def warnings(text: str | bytes) -> str:
    """Return what is odd about a policy that is read all the same."""
    data = text.encode() if isinstance(text, str) else text
    rows = read_rows(data)
    return "\n".join(map(str, rows.warnings + policy_from_rows(rows.rows).warnings))


class TestWhatIsRead:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(GOOD, id="as it should be"),
            pytest.param(GOOD.rstrip("\n"), id="no line end last"),
            pytest.param(GOOD.replace(", ", ","), id="no blanks"),
            pytest.param(GOOD.replace(", ", " ,\t"), id="other blanks"),
            pytest.param(GOOD.replace("\n", "\r\n"), id="CRLF"),
            pytest.param("# c\n\n  # d\n" + GOOD + "   \n\t\n", id="comments"),
            pytest.param(GOOD.replace("/chat", '"/chat"'), id="quotes"),
            pytest.param("\ufeff" + GOOD, id="a byte order mark"),
            pytest.param(GOOD.replace("GET|PUT", "(GET)|(PUT)"), id="brackets"),
            pytest.param(GOOD.replace("/chat, GET", "/chat, GET, allow"), id="allow"),
        ],
    )
    def test_the_same_policy_in_other_clothes(self, text: str):
        """Blanks, comments, quotes and line ends make no difference."""
        assert load(text).revision == load(GOOD).revision

    def test_fields_and_origins(self):
        """Every rule and grant knows its line."""
        policy = load(
            "# one\n" + GOOD + 'p, "group:a, ""b", /x, *, deny\n'.replace('""', "")
        )

        rule = policy.rules[-1]
        assert (rule.subject, rule.path, rule.methods) == (
            "group:a, b",
            "/x",
            frozenset(),
        )
        assert rule.effect is Effect.DENY
        assert rule.origin == Origin("policy.csv", 7)
        assert policy.grants[0].origin == Origin("policy.csv", 5)

    def test_the_revision_changes_with_the_meaning(self):
        """Every rule and grant counts; comments do not."""
        assert load(GOOD).revision != load(GOOD.replace("/chat", "/chit")).revision
        assert load(GOOD).revision == load("# x\n" + GOOD).revision

    @pytest.mark.parametrize(
        ("odd", "said"),
        [
            (GOOD + "p, role:user, /chat, GET\n", "policy.csv:6: repeats line 3"),
            (GOOD + "g, user:bob, role:usr\n", "did you mean `role:user`?"),
            (GOOD + "g, user:bob, role:\u0430dmin\n", "no rule names"),
            (GOOD + "g, user:ame\u0301lie, role:user\n", "combining characters"),
            ("\ufeff" + GOOD, "byte order mark"),
            (GOOD.replace("GET|PUT", "(GET)|(PUT)"), "write `GET|PUT`"),
        ],
    )
    def test_what_is_odd_is_said(self, odd: str, said: str):
        """A policy that is odd but clear is read, with a warning."""
        assert said in warnings(odd)

    def test_a_decomposed_name_is_the_composed_one(self):
        """Names are compared in Unicode NFC."""
        policy = load(GOOD + "g, user:ame\u0301lie, role:user\n")

        assert policy.grants[-1].member == "user:am\u00e9lie"


_BAD_LINES = [
    ("p", "a rule has 3 or 4 fields"),
    ("p, role:user, /x", "a rule has 3 or 4 fields"),
    ("p, role:user, /x, GET, allow, x", "a rule has 3 or 4 fields"),
    ("p, role:user, /x, GET, Deny", "unknown effect `Deny`"),
    ("p, role:user, /x, GET,", "unknown effect ``"),
    ("p, role:user, /x, GET # why", "not a method list"),
    ("p, 1, role:user, /x, GET", "does not say what kind"),
    ("g, user:bob", "a grant has 2 fields"),
    ("g, user:bob, role:user, music", "a grant has 2 fields"),
    ("g, user:bob,", "a name is empty"),
    ("g, , role:admin", "a name is empty"),
    ("p, , /x, GET", "a name is empty"),
    ("P, role:user, /x, GET", "unknown line type `P`"),
    ("p2, role:user, /x, GET", "unknown line type `p2`"),
    ("g2, user:bob, role:user", "unknown line type `g2`"),
    (", role:user, /x, GET", "is not a line type"),
    ("include /etc/passwd", "is not a line type"),
    ("p; role:user; /x; GET", "separate fields with commas"),
    ("p\trole:user\t/x\tGET", "separate fields with commas"),
    ("p\uff0crole:user\uff0c/x\uff0cGET", "separate fields with commas"),
    ("p | role:user | /x | GET", "separate fields with commas"),
    ("sub,dom,obj,act", "the heading line of a table"),
    ("p, sub, obj, act", "the heading line of a table"),
    ("p, Subject, Path, Method, Effect", "the heading line of a table"),
    ("p, *, /x, GET", "for example `role:everyone`"),
    ("p, anonymous, /x, GET", "for example `role:everyone`"),
    ("p, role:user, library:kids, /x, GET", "the policy has none"),
    ('{"p": ["role:user"]}', "is not a line type"),
    ("<<<<<<< HEAD", "unfinished merge"),
    ("=======", "unfinished merge"),
    (">>>>>>> branch", "unfinished merge"),
    ('p, "role:user, /x, GET', "quotes do not match"),
    ('p, "role:user"x, /x, GET', "quotes do not match"),
    ("p, role:user, /x\x00, GET", "control character"),
    ("p, role:user, /x\x0bp, GET", "control character"),
    ("p, role:user, /x\x85p, GET", "control character"),
    ("p, role:user, /x\u2028p, GET", "control character"),
    ("p, role:user, /x, GET\rp, role:user, /y, GET", "control character"),
    ("p, role:user, /x, GET\ufeff", "control character"),
    ("p, role:user, /x, GET" + " " * 5000, "use at most 4096"),
    ("g, bob, role:user", "does not say what kind"),
    ("g, anonymous, role:user", "does not say what kind"),
    ("g, User:bob, role:user", "does not say what kind"),
    ("g, user:, role:user", "no name follows `user:`"),
    ("g, user:" + "x" * 300 + ", role:user", "is too long"),
    ("g, user:*, role:user", "names have no patterns"),
    ("g, user:a  b, role:user", "blanks at an end or in a row"),
    ('g, "user: b", role:user', "blanks at an end or in a row"),
    ("g, user:a\u202eb, role:user", "cannot be seen"),
    ("g, user:a\u200bb, role:user", "cannot be seen"),
    ("g, user:a\\b, role:user", "invisible or easily mistaken"),
    ("g, group:a\u00a0b, role:user", "invisible or easily mistaken"),
    ("g, group:a\u3000b, role:user", "invisible or easily mistaken"),
    ("g, user:bob, user:alice", "only a role can be given"),
    ("g, role:user, group:staff", "only a role can be given"),
    ("g, user:bob, role:everyone", "it cannot be given"),
    ("g, user:bob, role:authenticated", "it cannot be given"),
    ("p, role:user, , GET", "the path is empty"),
    ("p, role:user, x, GET", "does not begin with `/`"),
    ("p, role:user, *, GET", "write `/*`"),
    ("p, role:user, //x, GET", "an empty segment"),
    ("p, role:user, /x//y, GET", "an empty segment"),
    ("p, role:user, /x/../y, GET", "a dot segment"),
    ("p, role:user, /x/., GET", "a dot segment"),
    ("p, role:user, /x?y=1, GET", "leave the query string out"),
    ("p, role:user, /x#y, GET", "leave the fragment out"),
    ("p, role:user, /x%2fy, GET", "write the decoded character"),
    ("p, role:user, /x|/y, GET", "one rule for each path"),
    ("p, role:user, /x\\y, GET", "use `/`"),
    ("p, role:user, /x/{id}, GET", "write `/x/:id`"),
    ("p, role:user, /x/<id>, GET", "write `/x/:id`"),
    ("p, role:user, /x/(y, GET", "a parenthesis too many"),
    ("p, role:user, /x/[0-9]+, GET", "is a regular expression"),
    ("p, role:user, /x\u00a0y, GET", "a character that cannot be seen"),
    ("p, role:user, /x/[, GET", "has no meaning here"),
    ("p, role:user, ^/x$, GET", "expression, which is not read here: write `/x`"),
    ("p, role:user, /x$, GET", "write `/x`: a rule is for the whole path"),
    ("p, role:user, /.*, GET", "is a regular expression"),
    ("p, role:user, /x*, GET", "`*` in the wrong place"),
    ("p, role:user, /x/**, GET", "write `/x/*`"),
    ("p, role:user, https://h.test/x, GET", "write its path, `/x`"),
    ("p, role:user, /x, GET, POST", "join the methods: `GET|POST`"),
    ("p, role:user, /x, GET, PUT, POST", "the methods: `GET|PUT|POST`"),
    ("p, role:user, /x, GET, , ", "remove the empty fields at the end"),
    ("g, user:bob, role:user,,", "remove the empty fields at the end"),
    ("ptype,v0,v1,v2,v3,v4,v5", "the heading line of a table"),
    ("p, role:user, /x, read", "write `GET`"),
    ('p, role:user, /x, "GET, POST"', "write `GET|POST`"),
    ("p, role:user, /x, GET/POST", "write `GET|POST`"),
    ("p, role:user, /x, get post", "write `GET|POST`"),
    ("p, role:user, /x, ^GET$", "write `GET`"),
    ("p, role:user, /x, .*", "write `*`"),
    ("p, r.sub.Age > 18, /x, GET", "a rule has no conditions"),
    ("p, ROLE:user, /x, GET", "for example `role:user`"),
    ("p, role:user, /x, any", "write `*`"),
    ("p, role:user, /*/x, GET", "`*` in the wrong place"),
    ("p, role:user, /x/:, GET", "a parameter without a usable name"),
    ("p, role:user, /x/:1, GET", "a parameter without a usable name"),
    ("p, role:user, /x/:id.json, GET", "a parameter without a usable name"),
    ("p, role:user, /" + "a" * 1100 + ", GET", "the path is too long"),
    ("p, role:user, " + "/a" * 70 + ", GET", "the path is too long"),
    ("p, role:user, /x, ", "the method is empty"),
    ("p, role:user, /x, get", "write `GET`"),
    ("p, role:user, /x, FETCH", "unknown method `FETCH`"),
    ("p, role:user, /x, GET|", "not a method list"),
    ("p, role:user, /x, (GET", "not a method list"),
    ("p, role:user, /x, .*", "not a method list"),
    ("p, role:user, /x, GET POST", "not a method list"),
    ('p, role:user, /x, "GET,POST"', "not a method list"),
]


@pytest.mark.parametrize(
    "path",
    [
        "/a b",
        "/files/My Song (2020).mp3",
        "/files/caf\u00e9 \u2013 live\u2026.ogg",
        "/x+y;z",
        '/say "hi", please',
        "/100 \u20ac/:id",
        "/\u65e5\u672c/*",
    ],
)
def test_what_an_address_may_hold_can_be_written(path: str):
    """Blanks and printable signs stand for themselves, and are written back as such."""
    line = spell("p", "role:user", path, "GET")
    policy = policy_from_rows(read_rows(f"{GOOD}{line}\n".encode()).rows)
    asked = path.replace(":id", "7").replace("*", "z")

    assert policy.rules[-1].path == path
    assert path_match(asked, path)
    assert not path_match(f"/{asked}", path)


def test_empty_rows_of_a_spreadsheet_say_nothing():
    """They are read as empty lines."""
    rows = read_rows(f"{GOOD},,,\n , , \n".encode()).rows

    assert rows == read_rows(GOOD.encode()).rows


class TestWhatIsRefused:
    @pytest.mark.parametrize(("line", "said"), _BAD_LINES)
    def test_a_bad_line(self, line: str, said: str):
        """One bad line refuses the whole file, with its number and the mend."""
        text = refusal(GOOD + line + "\n")

        assert text.startswith("policy.csv:6: ")
        assert said in text

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "there is no rule"),
            (b"# nothing\n", "there is no rule"),
            (b"g, user:a, role:user\n", "there is no rule"),
            (b"\0" * 512, "control character"),
            (gzip.compress(GOOD.encode(), mtime=0), "a gzip file"),
            (b"PK\x03\x04rest", "a zip or spreadsheet"),
            (GOOD.encode("utf-16"), "UTF-16"),
            (GOOD.encode("utf-16-be"), "control character"),
            (GOOD.encode() + b"g, user:\xe9, role:user\n", "policy.csv:6: byte 0xe9"),
            (GOOD.encode() + b"p, role:user, \xc0\xaf, GET\n", "not UTF-8"),
            (GOOD.encode() + b"g, user:\xed\xa0\x80, role:user\n", "not UTF-8"),
            (GOOD.replace("\n", "\r").encode(), "control character"),
            (GOOD.encode() + b"g, user:a, role:user\r", "control character"),
            (b"#" * (MAX_BYTES + 1), "use at most"),
        ],
    )
    def test_another_kind_of_file(self, data: bytes, said: str):
        """What is no policy at all is never read as an empty one."""
        assert said in refusal(data)

    def test_a_file_cut_anywhere(self):
        """A file that was cut is refused, or allows less; it never allows more."""
        whole = load(GOOD)
        allowed = {(r.subject, r.path): r.methods for r in whole.rules}
        read = 0
        for end in range(len(GOOD)):
            try:
                policy = load(GOOD[:end], *whole.grants)
            except PolicyError:
                continue
            read += 1
            for rule in policy.rules:
                assert rule.methods <= allowed[rule.subject, rule.path]

        assert read

    def test_all_problems_are_said_at_once(self):
        """An operator mends a file in one go."""
        text = refusal(GOOD + "q, x\np, role:user, x, FETCH, maybe\ng, a, b\n")

        assert len(text.splitlines()) == 6

    def test_there_is_an_end_to_it(self):
        """A file of nothing but mistakes does not fill the log."""
        assert len(refusal("?\n" * 5000).splitlines()) == MAX_PROBLEMS

    @pytest.mark.parametrize(
        ("grants", "said"),
        [
            ("g, role:user, role:user", "role:user -> role:user"),
            ("g, role:a, role:b\ng, role:b, role:a", "go in a circle"),
            ("g, role:a, role:b\ng, role:b, role:c\ng, role:c, role:a", "in a circle"),
            ("g, role:everyone, role:admin", "anybody could administer"),
            ("g, role:everyone, role:x\ng, role:x, role:admin", "anybody could"),
            ("g, auth:anonymous, role:admin", "anybody could administer"),
            ("g, role:authenticated, role:admin", "everybody who signs in could"),
        ],
    )
    def test_grants_that_cannot_stand_together(self, grants: str, said: str):
        """Circles, and administrators by nature, are refused."""
        assert said in refusal(GOOD + grants + "\n")

    def test_administrators_may_do_something(self):
        """A role for them that no rule names gives nothing, which nobody means."""
        text = "p, role:user, /x, GET\ng, user:a, role:admin\n"

        assert "no rule allows it" in refusal(text)

    @pytest.mark.parametrize("grant", ["", "g, role:boss, role:admin\n"])
    def test_rules_for_administrators_that_are_nobodys_are_told(self, grant: str):
        """They are not refused: who can administer is asked where people are known."""
        rows = read_rows(f"p, role:admin, /*, *\n{grant}".encode()).rows
        told = policy_from_rows(rows, source="p").warnings
        there = [
            problem for problem in told if "nobody can use them" in problem.message
        ]

        assert [problem.where for problem in there] == [str(rows[0].origin)]

    @pytest.mark.parametrize("scoped", [False, True], ids=["plain", "scoped"])
    @pytest.mark.parametrize(
        "text",
        [
            "# nothing\n",
            "p, role:admin, {}/*, *\n",
            "p, role:user, {}/x, GET\ng, user:a, role:admin{}\n",
        ],
    )
    def test_the_line_to_add_is_of_the_same_language(self, text: str, *, scoped: bool):
        """With what the message says to add, that problem is none any more."""

        def told(text: str) -> tuple[Problem, ...]:
            rows = read_rows(text.encode()).rows
            try:
                return policy_from_rows(
                    rows,
                    source="p",
                    columns=SCOPED_COLUMNS if scoped else PLAIN_COLUMNS,
                ).warnings
            except PolicyError as error:
                return error.problems

        text = text.format("*, ", ", *") if scoped else text.format("", "")
        (problem,) = told(text)
        line = re.search("`([pg], [^`]+)`", problem.hint)
        assert line is not None

        assert told(f"{text}{line[1]}\n".replace("<you>", "alice")) == ()

    @pytest.mark.parametrize(
        "deny",
        [
            "p, user:alice, /admin, POST, deny",
            "p, user:alice, /admin, *, deny",
            "p, auth:headers, /*, *, deny",
            "p, user:bob, /*, *, deny",
        ],
    )
    def test_a_narrower_deny_is_fine(self, deny: str):
        """As long as one administrator gets at something, it is the operator's call."""
        assert load(GOOD + deny + "\n")

    def test_an_administrator_may_come_from_a_setting(self):
        """AUTHZ_ADMIN is a grant like any other."""
        grant = Grant(
            member="user:alice", role="role:admin", origin=Origin("AUTHZ_ADMIN")
        )

        assert load("p, role:admin, /*, *\n", grant).grants == (grant,)

    def test_a_long_chain_is_no_circle(self):
        """Roles may build on roles to any depth."""
        chain = "".join(f"g, role:r{n}, role:r{n + 1}\n" for n in range(5000))
        policy = load(GOOD + chain + "p, role:r5000, /x, GET\n")

        assert len(policy.grants) == 5002


class TestSpelling:
    @given(
        st.text(
            st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1
        ).map(str.strip)
    )
    def test_what_is_spelled_is_read_back(self, name: str):
        """Any field that can be written is read as it was."""
        try:
            line = spell("g", name, "role:user")
        except ValueError:
            return

        (row,) = read_rows(line.encode()).rows
        assert row.fields == (name, "role:user")

    def test_a_whole_policy(self):
        """A policy that is written and read again is the same policy."""
        policy = load(GOOD + 'p, "group:a, b", /x, POST|GET, deny\n')
        text = spelled(iter(policy.rules), iter(policy.grants))

        assert load(text).revision == policy.revision


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_reader(data: bytes):
    """Whatever is in the file, it is a policy or a `PolicyError`."""
    try:
        load(data)
    except PolicyError as error:
        assert error.problems


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                [
                    "p",
                    "g",
                    "",
                    "role:admin",
                    "user:a",
                    "/*",
                    "/a/:b",
                    "GET",
                    "deny",
                    "#",
                ]
            ),
            max_size=6,
        ),
        max_size=8,
    )
)
def test_no_lines_crash_the_reader(lines: list[list[str]]):
    """Nor do lines that are nearly right."""
    try:
        load("\n".join(", ".join(line) for line in lines))
    except PolicyError as error:
        assert all(problem.where and problem.hint for problem in error.problems)


@pytest.mark.parametrize(
    ("row", "message", "hint"),
    [
        ("p, user:alice, a: b, GET", "`a: b` does not begin with `/`", "write `/a: b`"),
        (
            "p, user:alice, /a, GET: x",
            "`GET: x` is not a method list",
            "write names joined by `|`, such as `GET|POST`, or `*`",
        ),
        ("p, x: y, /a, GET", "`x: y` does not say what kind of name it is", None),
    ],
)
def test_what_is_wrong_and_what_to_do_are_two_things(
    row: str, message: str, hint: str | None
):
    """Whatever stands in the row, a colon and a blank too."""
    with pytest.raises(PolicyError) as caught:
        load(f"{row}\np, role:admin, /*, *\ng, user:a, role:admin\n")

    (problem,) = caught.value.problems
    assert problem.message == message
    assert hint is None or problem.hint == hint
    assert problem.where.endswith(":1")


@given(st.text("ab ,\t", max_size=12))
def test_fields_are_what_is_between_commas(text: str) -> None:
    """However they are spaced: blanks around a field are no part of it."""
    (row,) = read_rows(f"p,{text}x".encode()).rows

    assert list(row.fields) == [field.strip(" \t") for field in f"{text}x".split(",")]
