"""What lint finds, and what it leaves alone."""

from dataclasses import replace

import pytest
from casbin.rbac.default_role_manager import RoleManager
from hypothesis import example, given, settings

from authz.decision import (
    ANONYMOUS_METHOD,
    AUTHENTICATED,
    EVERYONE,
    AccessRequest,
    Effect,
    Grant,
    Origin,
)
from authz.policy.analysis.holders import one_person
from authz.policy.analysis.redundancy import redundancies
from authz.policy.compiled import CompiledPolicy
from authz.policy.csv_rows import read_rows, spelled
from authz.policy.lint import MEANINGS, Code, Finding, Severity, lint
from authz.policy.lint.overlaps import overlap_findings
from authz.policy.route_tables import RoutePattern
from authz.policy.rules import policy_from_rows
from tests import proofs
from tests.policies import written
from tests.strategies import SEEDS, world

#: A policy about which there is nothing to say.
CLEAN = """\
p, role:everyone, /health, GET
p, role:user, /map, GET
p, role:user, /api/playlists/:id, GET|PUT|DELETE
p, role:user, /api/playlists/locked, DELETE, deny
p, role:admin, /*, *
g, group:admins, role:admin
g, user:bob, role:user
"""

#: Two names, one of them a slip.
ROBERTS = """\
p, user:robert, /r, GET
g, user:robert, role:user
g, user:robret, role:user
"""

ROUTES = tuple(
    RoutePattern(method=method, route=route, path=path, endpoint="")
    for method, route, path in (
        ("GET", "/health", "/health"),
        ("GET", "/map", "/map"),
        ("GET", "/api/users", "/api/users"),
        ("POST", "/api/users", "/api/users"),
        ("GET", "/api/songs/<int:id>", "/api/songs/987654321"),
    )
)


def found(text: str, **options: object) -> list[tuple[int, str]]:
    """Return line and kind of each finding."""
    findings = lint(text.encode(), **options)  # type: ignore[arg-type]
    return [(finding.where.line, str(finding.code)) for finding in findings]


def only(text: str, code: Code, **options: object) -> list[Finding]:
    """Return the findings of kind *code*."""
    findings = lint(text.encode(), **options)  # type: ignore[arg-type]
    return [finding for finding in findings if finding.code is code]


def test_a_clean_policy():
    """Nothing is said about a policy that is in order."""
    assert found(CLEAN) == []


@pytest.mark.parametrize("grants", [9, 10, 12])
def test_what_casbin_would_cut_is_remarked_on(grants: int):
    """Of a chain that is too long for it, the first grant it does not follow; once."""
    lines = [f"p, role:r{grants}, /x, GET", "g, user:a, role:r1", "g, user:b, role:r1"]
    lines += [f"g, role:r{i}, role:r{i + 1}" for i in range(1, grants)]
    casbins = RoleManager(10)  # as Casbin makes it
    for line in lines[1:]:
        casbins.add_link(*line.split(", ")[1:])
    cut = not casbins.has_link("user:a", f"role:r{grants}")

    remarks = lint("\n".join(lines).encode())

    assert [(f.where.line, f.code) for f in remarks] == (
        [(12, Code.ROLE_CHAIN_LONG)] if cut else []
    )


def test_every_kind_has_a_meaning():
    """The reference says of each kind what it is."""
    assert set(MEANINGS) == set(Code)


def test_a_file_that_cannot_be_used():
    """Each problem of the reader is an error with its line."""
    findings = lint(b"p, role:user, /map\nq, x\n")

    assert [(f.where.line, f.severity) for f in findings] == [
        (1, Severity.ERROR),
        (2, Severity.ERROR),
    ]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("p, role:user, /map, GET\n", (8, "rule-repeated")),
        ("p, role:user, /api/playlists/7, GET\n", (8, "rule-shadowed")),
        ("p, user:bob, /map, GET\n", (8, "rule-shadowed")),
        ("p, role:everyone, /health, HEAD\n", (8, "rule-shadowed")),
        ("p, group:x, /y, GET\np, role:authenticated, /y, GET\n", (8, "rule-shadowed")),
        ("p, role:user, /api/playlists/locked, DELETE\n", (8, "rule-overruled")),
        (
            "p, role:user, /x, GET, deny\np, role:user, /*, *, deny\n",
            (8, "rule-shadowed"),
        ),
        ("p, role:ghost, /ghost, GET\n", (8, "role-without-members")),
        ("g, user:carol, role:usr\n", (8, "role-without-rules")),
        ("p, role:user, /chat, (GET)|(PUT)\n", (8, "spelling")),
        ("g, user:\u0430lice, role:user\n", (8, "name-mixed-scripts")),
        (
            ROBERTS,
            (10, "name-near-twin"),
        ),
        ("p, role:user, /:all/*, GET\n", (8, "path-too-wide")),
        ("p, role:user, /authz/people, GET\n", (8, "admin-area-opened")),
        ("p, role:user, /authz/*, GET\n", (8, "admin-area-opened")),
        ("p, role:user, /:app/rules, GET\n", (8, "admin-area-opened")),
        ("p, role:everyone, /login, POST\n", (8, "unsafe-for-everyone")),
        ("p, role:everyone, /login, *\n", (8, "unsafe-for-everyone")),
        (
            "p, role:admin, /tools/*, *\np, role:user, /tools/clock, GET\n",
            (9, "routes-of-different-class"),
        ),
    ],
)
def test_what_is_found(lines: str, expected: tuple[int, str]):
    """Each kind, at its line."""
    assert expected in found(CLEAN + lines)


@pytest.mark.parametrize(
    "lines",
    [
        "p, role:user, /api/playlists, GET\n",  # beside, not within
        "p, role:user, /health, POST\n",  # another method
        "p, role:everyone, /me, GET\np, role:user, /me, GET, deny\n",
        "p, role:user, /authz/sign-in, GET\n",  # meant for everybody
        "p, role:user, /authz/account/*, GET|POST\n",
        "p, role:user, /pages/:page, GET\n",  # one segment is not everything
        "g, user:team1, role:user\ng, user:team2, role:user\n",
        "g, user:ann, role:user\ng, user:anne, role:user\n",  # short
        "g, group:users, role:user\n",  # another kind than role:user
        "g, user:\u0430\u043d\u043d\u0430, role:user\n",  # one script
    ],
)
def test_what_is_not_found(lines: str):
    """What looks similar and is in order."""
    assert found(CLEAN + lines) == []


def test_two_rules_that_say_the_same_in_other_words():
    """Of two that cover each other, only the later one is superfluous."""
    text = CLEAN + "p, role:user, /a/:x, GET\np, role:user, /a/:y, GET\n"

    assert found(text) == [(9, "rule-shadowed")]


def test_a_deny_that_changes_nothing():
    """It is a note: it may be a precaution."""
    text = "p, role:user, /map, GET\np, role:user, /maps, GET, deny\n"
    (finding,) = lint(text.encode())
    assert (finding.where.line, finding.code) == (2, Code.DENY_WITHOUT_EFFECT)
    assert finding.severity is Severity.NOTE


def test_names_that_look_alike_get_a_suggestion():
    """The name that is used less is taken for the slip."""
    text = CLEAN + (
        "p, role:editor, /edit, GET\ng, user:carol, role:editor\n"
        "p, role:editr, /edit/all, GET\n"
    )
    near = only(text, Code.NAME_NEAR_TWIN)
    assert [(f.where.line, "`role:editor`" in f.hint) for f in near] == [(10, True)]
    without = only(text, Code.ROLE_WITHOUT_MEMBERS)
    assert "did you mean `role:editor`?" in without[0].hint


def test_what_settings_open_counts():
    """A role that strangers hold by a setting opens to everyone."""
    grants = (Grant(member="auth:anonymous", role="role:demo", origin=Origin("S")),)
    text = CLEAN + "p, role:demo, /api/jobs, POST\n"

    assert found(text, grants=grants) == [(8, "unsafe-for-everyone")]


def test_nobody_administers():
    """A note: the settings may name somebody."""
    findings = lint(b"p, role:admin, /*, *\np, role:user, /map, GET\n")

    assert [(f.where.line, f.code) for f in findings] == [(0, Code.NO_ADMINISTRATOR)]


class TestRoutes:
    def test_a_rule_that_matches_no_route(self):
        """The nearest route, or the methods that there are, are named."""
        findings = lint(
            b"p, role:user, /mapp, GET\np, role:user, /map, POST\n"
            b"p, role:user, /api/songs/7, GET\np, role:user, /zzz, GET\n",
            routes=ROUTES,
        )

        assert [(f.where.line, f.code, f.hint) for f in findings] == [
            (1, Code.RULE_WITHOUT_ROUTE, "did you mean `/map`?"),
            (2, Code.RULE_WITHOUT_ROUTE, "the app has GET there"),
            (
                4,
                Code.RULE_WITHOUT_ROUTE,
                "`flask authz routes` lists what there is",
            ),
        ]

    def test_a_wide_rule_over_what_is_meant_for_administrators(self):
        """It names one of the routes, and the line that means it for them."""
        text = "p, role:user, /api/*, GET\np, role:admin, /api/users, *\n"
        (finding,) = only(text, Code.ROUTES_OF_DIFFERENT_CLASS, routes=ROUTES)

        assert finding.where.line == 1
        assert "GET /api/users (line 2)" in finding.message

    def test_a_catch_all_for_administrators_means_nothing_special(self):
        """`/*` for administrators does not make every route theirs."""
        text = "p, role:user, /api/*, GET\np, role:admin, /*, *\n"

        assert only(text, Code.ROUTES_OF_DIFFERENT_CLASS, routes=ROUTES) == []


class TestComments:
    def test_a_comment_allows_a_finding(self):
        """It speaks of the next line that is no comment, and of the kinds it names."""
        text = CLEAN + (
            "# lint: allow unsafe-for-everyone\n# note: the sign-in form\n"
            "p, role:everyone, /login, POST\n"
        )

        assert found(text) == []

    def test_it_allows_nothing_else(self):
        """Another line, or another kind, is still found."""
        text = CLEAN + (
            "# lint: allow unsafe-for-everyone, path-too-wide\n"
            "p, role:everyone, /login, POST\np, role:everyone, /logout, POST\n"
        )

        assert found(text) == [(8, "lint-comment"), (10, "unsafe-for-everyone")]

    def test_a_kind_that_does_not_exist(self):
        """A misspelled one allows nothing, and is said."""
        text = CLEAN + "# lint: allow unsafe-for-everyon\np, role:everyone, /x, POST\n"
        findings = lint(text.encode())

        assert {f.code for f in findings} == {
            Code.LINT_COMMENT,
            Code.UNSAFE_FOR_EVERYONE,
        }
        assert "did you mean `unsafe-for-everyone`?" in findings[0].hint

    def test_an_invalid_policy_cannot_be_allowed(self):
        """No comment makes an error go away."""
        assert found("# lint: allow policy-invalid\np, role:user, map, GET\n") == [
            (2, "policy-invalid")
        ]


@given(SEEDS)
@example(333)
@example(39997675)
@settings(max_examples=60)
def test_what_is_superfluous_is(seed: int):
    """Taking away all shadowed, overruled and idle rules changes no answer."""
    made = world(seed, 60)
    text = spelled(iter(made.policy.rules), iter(made.policy.grants))
    superfluous = {
        finding.where.line
        for finding in lint(text.encode())
        if finding.code
        in {
            Code.RULE_SHADOWED,
            Code.RULE_OVERRULED,
            Code.DENY_WITHOUT_EFFECT,
        }
    }
    rows = read_rows(text.encode()).rows
    left = [row for row in rows if row.origin.line not in superfluous]
    if not any(row.kind == "p" for row in left):
        return
    before = CompiledPolicy(policy_from_rows(rows, partial=True))
    after = CompiledPolicy(policy_from_rows(left, partial=True))
    for request in map(_as_it_would_come, made.requests):
        # Nobody is a person and a program at once.
        if one_person(request.subject.names):
            assert bool(before.decide(request)) is bool(after.decide(request))


def _as_it_would_come(request: AccessRequest) -> AccessRequest:
    """Everybody is everyone, and who has a name of their own or signed in is known."""
    names = request.subject.names | {EVERYONE}
    own = ("user:", "group:", "token:", "auth:")
    if any(name.startswith(own) for name in names - {ANONYMOUS_METHOD}):
        names |= {AUTHENTICATED}
    subject = replace(request.subject, names=names)
    return AccessRequest(subject=subject, path=request.path, method=request.method)


def test_rules_that_leave_nothing_together():
    """No single one covers it; each that is needed for it is named."""
    text = CLEAN + (
        "p, role:user, /songs/:id, GET\n"
        "p, role:user, /songs/*, PUT\n"
        "p, role:user, /songs/:song, GET|PUT\n"
    )
    (finding,) = lint(text.encode())
    assert (finding.where.line, finding.code) == (10, Code.RULE_SHADOWED)
    assert finding.message == "lines 8 and 9 say the same together"
    denied = text.replace("/songs/*, PUT", "/songs/*, PUT, deny")
    (finding,) = only(denied, Code.RULE_OVERRULED)
    assert finding.message == "lines 8 and 9 leave nothing of it"


#: What another account is allowed; nobody has both names.
EVE = "".join(f"p, user:eve, /own/a{n}, GET\n" for n in range(80))


def test_a_deny_of_what_nobody_with_that_name_is_allowed():
    """Nobody has two accounts; whoever has one may have a role."""
    text = EVE + "p, user:bob, /own/*, GET, deny\n"
    assert found(text) == [(81, "deny-without-effect")]
    assert found(text.replace("user:eve", "role:user", 1)) == []


@pytest.mark.parametrize(
    ("denied", "code"),
    [
        ("role:everyone, /authz/sign-in", "way-in-denied"),
        ("role:authenticated, /authz/*", "way-in-denied"),
        ("role:authenticated, /authz/admin/*", "own-address-denied"),
        ("role:admin, /authz/api/*", "own-address-denied"),
        ("role:everyone, /authz/healthz", "own-address-denied"),
        ("role:user, /authz/admin/*", ""),
    ],
)
def test_a_deny_of_addresses_of_authz(denied: str, code: str):
    """It is told whether administration is closed by it, or only a part of it."""
    line = CLEAN.count("\n") + 1
    text = CLEAN + f"p, {denied}, *, deny\n"
    kinds = {"way-in-denied", "own-address-denied"}
    told = [(where, kind) for where, kind in found(text) if kind in kinds]
    assert told == ([(line, code)] if code else [])


def test_what_takes_too_long_is_not_said_to_be_looked_at():
    """One note says so, and of how many rules; nothing is said to be in order."""
    made = written(EVE + "p, user:bob, /own/*, GET, deny\n")
    result = redundancies(made, each=64)
    assert [rule.origin.line for rule in result.not_looked_at] == [81]
    assert not result.found

    result = redundancies(made, total=0)
    assert len(result.not_looked_at) == len(made.rules)
    (finding,) = overlap_findings(made, total=0)
    assert finding.code is Code.NOT_LOOKED_AT
    assert finding.where.line == 1
    assert "and of 80 more" in finding.message


@given(SEEDS)
@settings(max_examples=20)
def test_all_that_is_redundant_can_go_at_once_and_nothing_else(seed: int):
    """Every question of a small alphabet is answered as before; without more, not."""
    made = proofs.case(seed).policy
    result = redundancies(made)
    gone = {id(each.rule) for each in result.found}
    seen: set[tuple[str, ...]] = set()
    for rule in made.rules:
        gone |= {id(rule)} if rule.fields in seen else set()
        seen.add(rule.fields)
    left = replace(made, rules=tuple(r for r in made.rules if id(r) not in gone))
    assert not result.not_looked_at
    same = proofs.answers(made, made)
    assert proofs.answers(left, made) == same
    overruled = any(r.effect is Effect.ALLOW and id(r) in gone for r in made.rules)
    for rule in left.rules:
        if rule.effect is Effect.ALLOW or not overruled:
            rules = tuple(each for each in left.rules if each is not rule)
            assert proofs.answers(replace(left, rules=rules), made) != same
