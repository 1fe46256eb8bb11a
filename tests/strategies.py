"""Random policies and the questions that come close to their edges."""

import random
from dataclasses import dataclass, replace
from functools import partial

from hypothesis import strategies as st

from authz.decision import (
    AUTHENTICATED,
    EVERYONE,
    SCOPED_COLUMNS,
    AccessRequest,
    Effect,
    Grant,
    Origin,
    Policy,
    Rule,
    Subject,
)
from authz.policy.path_text import plain
from authz.scope import AskedScope, asked_scope

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_WORDS = (
    "a", "b", "api", "x.y", "admin", "A", "\u00e9", "~", "a:b", "users", "-", "%2A",
    "%3Aid", "a%5Bb%5D",
)  # fmt: skip
#: What a client may send where a policy has a segment.
_HOSTILE = (
    "", ":id", "*", "\x00", "\x01", "\n", "a\nb", "%2f", "..", ".", "a*", "admin\n",
    "%2A", "%3Aid", "a[b]", "a%5Bb%5D", "[",
    "\u202e", "\ufffd", "|", "(", "role:admin", "\\", "?", "a" * 300, "\u0430dmin",
)  # fmt: skip
_NAMES = (
    "user:a", "user:b", "user:admin", "user:sso/a", "user:\u00e9", "group:a, b",
    "group:g", "group:a|b", "auth:local", "auth:headers", "token:t", "user:role",
    EVERYONE, AUTHENTICATED,
)  # fmt: skip
_ROLES = ("role:admin", "role:user", "role:r1", "role:r2", "role:r3", "role:\u0430dmin")


@dataclass(frozen=True, slots=True)
class World:
    """A policy, and questions about it."""

    policy: Policy
    requests: tuple[AccessRequest, ...]


_SCOPES = (
    "library:kids", "library:a b", "library:*x", "library:\u00e9/b", "server:kids",
    "server:home", "lib:kids", "library:kids:x",
)  # fmt: skip
_SCOPE_PATTERNS = (
    "*", "*", "library:*", "server:*", "library:kids", "library:a b", "server:kids",
    "library:\u00e9/b", "library:kids:x",
)  # fmt: skip


def scoped_world(seed: int, questions: int) -> World:
    """Return the world that *seed* stands for, with a scope for all that is in it."""
    made = world(seed, questions)
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    pattern = partial(rng.choice, _SCOPE_PATTERNS)
    policy = replace(
        made.policy,
        rules=tuple(replace(rule, scope=pattern()) for rule in made.policy.rules),
        grants=tuple(replace(grant, scope=pattern()) for grant in made.policy.grants),
        columns=SCOPED_COLUMNS,
    )
    asked = tuple(replace(each, scope=_about(rng)) for each in made.requests)
    return World(policy, asked)


def _about(rng: random.Random) -> AskedScope:
    return asked_scope(rng.sample(_SCOPES, rng.choice((0, 1, 1, 1, 2, 3))))


#: What stands for a world; `world` makes it.
SEEDS = st.integers(0, 2**63)


def world(seed: int, questions: int) -> World:
    """Return the world that *seed* stands for; the same one each time."""
    rng = random.Random(seed)  # noqa: S311 - repeatable, not secret
    rules = tuple(_rule(rng, line) for line in range(1, rng.randint(2, 25)))
    grants = tuple(_grants(rng))
    policy = Policy(rules=rules, grants=grants, revision="0" * 12)
    subjects = [_subject(rng) for _ in range(4)]
    requests = tuple(
        AccessRequest(
            subject=rng.choice(subjects),
            path=_question(rng, rng.choice(rules).path),
            method=_asked_method(rng),
        )
        for _ in range(questions)
    )
    return World(policy, requests)


def _rule(rng: random.Random, line: int) -> Rule:
    count = rng.choice((0, 0, 1, 1, 1, 2, 3))
    return Rule(
        subject=rng.choice((*_NAMES, *_ROLES, *_ROLES)),
        path=_pattern(rng),
        methods=frozenset(rng.sample(_METHODS, count)),
        effect=Effect.DENY if rng.random() < 0.2 else Effect.ALLOW,
        origin=Origin("policy.csv", line),
    )


def _pattern(rng: random.Random) -> str:
    segments = [
        ":id" if rng.random() < 0.35 else rng.choice(_WORDS)
        for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4)))
    ]
    ending = rng.random()
    if ending < 0.3:
        return "/".join(["", *segments, "*"])
    if ending < 0.4:
        return "/".join(["", *segments, ""])
    return "/" + "/".join(segments)


def _grants(rng: random.Random) -> list[Grant]:
    # Roles lead only to later ones, so there is no circle.
    grants = []
    for line in range(rng.randint(0, 12)):
        index = rng.randrange(1, len(_ROLES))
        member = rng.choice((*_NAMES, *_ROLES[:index], *_ROLES[:index]))
        grants.append(
            Grant(member=member, role=_ROLES[index], origin=Origin("policy.csv", line))
        )
    return grants


def _subject(rng: random.Random) -> Subject:
    names = frozenset(rng.sample(_NAMES, rng.randint(1, 5)))
    stranger = rng.choice(("user:stranger", "group:none", "user:a\nb", "role:r1"))
    if rng.random() < 0.3:
        names |= {stranger}
    return Subject(name=min(names), names=names, source="", display_name="")


def _question(rng: random.Random, pattern: str) -> str:
    """Return a path that *pattern* matches, or nearly matches."""
    segments = []
    for segment in pattern.split("/"):
        if segment == "*":
            segments += rng.choices((*_WORDS, *_HOSTILE), k=rng.randint(0, 3))
        elif segment.startswith(":"):
            segments.append(rng.choice((*_WORDS, *_HOSTILE)))
        else:
            segments.append(plain(segment))
    change = rng.random()
    if change < 0.15 and segments:
        segments[rng.randrange(len(segments))] = rng.choice((*_WORDS, *_HOSTILE))
    elif change < 0.22:
        segments.append(rng.choice((*_WORDS, *_HOSTILE)))
    elif change < 0.29:
        segments = segments[:-1]
    elif change < 0.33:
        segments = [s.swapcase() for s in segments]
    return "/".join(segments)


def _asked_method(rng: random.Random) -> str:
    return rng.choice(
        (*_METHODS, "GET", "GET", "HEAD", "TRACE", "get", "*", "GET|POST")
    )
