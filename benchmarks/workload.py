"""Policies of several sizes and kinds, and questions that flatter nobody."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final, NamedTuple

from authz.decision import Subject, signed_in

METHODS: Final = ("GET", "POST", "PUT")


class Question(NamedTuple):
    """Who asks, for which path, with which method."""

    person: int
    path: str
    method: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a policy is."""

    rules: int
    roles: int
    users: int
    #: What it is called in the tables, if not by its rules.
    name: str = ""

    @property
    def label(self) -> str:
        """What the row of this size is called."""
        return self.name or f"{self.rules:,}"


SIZES: Final = (
    Size(rules=20, roles=2, users=20),
    Size(rules=1_000, roles=100, users=1_000),
    Size(rules=10_000, roles=1_000, users=10_000),
    Size(rules=100_000, roles=1_000, users=10_000),
    # Each role is given to one group as well, which makes 100,000 grants.
    Size(rules=100_000, roles=10_000, users=90_000, name="100,000, as many grants"),
)


class Workload:
    """One policy, its people, and endless streams of questions."""

    def __init__(self, size: Size) -> None:
        self.size = size
        rng = random.Random(f"{size.rules} {size.users}")
        #: The role of each user, and the (pattern, method) of each rule of a role.
        self.role_of = [rng.randrange(size.roles) for _ in range(size.users)]
        self.rules_of: list[list[tuple[str, str]]] = [[] for _ in range(size.roles)]
        for number in range(size.rules):
            kind = rng.random()
            if kind < 0.29:
                path = f"/api/area{number % 50}/item{number}"
            elif kind < 0.84:
                path = f"/api/area{number % 50}/:id/part{number}"
            else:
                path = f"/files/folder{number}/*"
            self.rules_of[number % size.roles].append((path, rng.choice(METHODS)))

    def csv(self) -> bytes:
        """Return the policy as a file, every rule with its four fields."""
        lines = [
            f"p, role:r{role}, {path}, {method}, allow"
            for role, rules in enumerate(self.rules_of)
            for path, method in rules
        ]
        lines += [f"g, user:u{u}, role:r{r}" for u, r in enumerate(self.role_of)]
        lines += [f"g, group:g{r}, role:r{r}" for r in range(self.size.roles)]
        return ("\n".join(lines) + "\n").encode()

    def subject(self, person: int) -> Subject:
        """Return *person*, as whatever identifies them would make them anew.

        Beyond the people whom the policy names come those of whom it knows groups.
        """
        groups: set[str] = set()
        if person >= self.size.users:
            groups = {f"group:g{role}" for role in self.roles(person)}
            groups |= {f"group:other{person % 97}", f"group:other{person % 89}"}
        return signed_in(
            f"user:u{person}",
            source="headers",
            display_name=f"u{person}",
            groups=frozenset(groups),
        )

    def roles(self, person: int) -> list[int]:
        """Return the roles of *person*: one, or of those known by groups up to three."""
        if person < self.size.users:
            return [self.role_of[person]]
        rng = random.Random(person)
        return [rng.randrange(self.size.roles) for _ in range(1 + person % 3)]

    def everybody(self) -> Iterator[int]:
        """Yield each person once, without end; every other one is known by groups."""
        named = random.Random(3).sample(range(self.size.users), self.size.users)
        groups = count(self.size.users)
        for person in named:
            yield person
            yield next(groups)
        yield from groups

    def questions(
        self, seed: int, people: Iterator[int] | None = None
    ) -> Iterator[Question]:
        """Yield questions, half of them allowed, no path ever again.

        *people* ask them, or else those whom the policy names, at random.
        """
        rng = random.Random(seed)
        for person in people or self._at_random(seed):
            fresh = f"{rng.getrandbits(48):012x}"
            if rng.random() < 0.5:
                role = rng.choice(self.roles(person))
                path, method = rng.choice(self.rules_of[role])
                path = path.replace(":id", fresh).replace("*", fresh)
            else:
                area, part = rng.randrange(50), rng.randrange(self.size.rules)
                path = rng.choice(
                    (
                        f"/api/area{area}/{fresh}/part{part}x",
                        f"/api/area{area}/item{fresh}",
                        f"/files/{fresh}/{part}",
                    )
                )
                method = rng.choice(METHODS)
            yield Question(person, path, method)

    def _at_random(self, seed: int) -> Iterator[int]:
        rng = random.Random(seed + 1_000)
        while True:
            yield rng.randrange(self.size.users)

    def repeated(self, seed: int) -> Iterator[Question]:
        """Yield questions of which a few are asked most of the time."""
        rng = random.Random(seed)
        source = self.questions(seed)
        known = [next(source) for _ in range(2_000)]
        while True:
            yield known[min(int(rng.paretovariate(0.8)) - 1, len(known) - 1)]


class Layered(Workload):
    """Many denies, roles that inherit through fifty others, and wide patterns.

    People have groups, and no two people the same ones.
    """

    CHAINS: Final = 20
    DEPTH: Final = 50
    GROUPS: Final = 2_000

    def __init__(self) -> None:
        super().__init__(
            Size(rules=10_000, roles=1_000, users=10_000, name="10,000, layered")
        )
        rng = random.Random(7)
        self._effects: list[list[str]] = []
        for role in range(self.size.roles):
            self.rules_of[role] = [self._pattern(rng, role, n) for n in range(10)]
            self._effects.append(rng.choices(("allow", "deny"), (7, 3), k=10))
        self._role_of_group = [
            rng.randrange(self.size.roles) for _ in range(self.GROUPS)
        ]

    @staticmethod
    def _pattern(rng: random.Random, role: int, number: int) -> tuple[str, str]:
        area, item = rng.randrange(50), 10 * role + number
        return rng.choice(
            (
                f"/api/area{area}/item{item}",
                f"/api/area{area}/:id/part{item}",
                f"/api/:area/:id/part{item}",
                f"/:app/area{area}/item{item}",
                f"/:app/:area/:id/part{item}",
                f"/:app/area{area}/:id/part{item}/*",
                f"/api/area{area}/sub{item}/*",
                f"/files/:owner/folder{item}/*",
            )
        ), rng.choice((*METHODS, "GET|POST", "*"))

    def csv(self) -> bytes:
        """Return the policy as a file."""
        lines = [
            f"p, role:r{role}, {path}, {method}, {effect}"
            for role, rules in enumerate(self.rules_of)
            for (path, method), effect in zip(rules, self._effects[role], strict=True)
        ]
        lines += [
            f"g, role:r{role}, role:r{role + 1}"
            for role in range(self.size.roles - 1)
            if (role + 1) % self.DEPTH
        ]
        lines += [f"g, user:u{u}, role:r{r}" for u, r in enumerate(self.role_of)]
        lines += [
            f"g, group:g{g}, role:r{r}" for g, r in enumerate(self._role_of_group)
        ]
        return ("\n".join(lines) + "\n").encode()

    def subject(self, person: int) -> Subject:
        """Return *person*, with three groups of their own."""
        rng = random.Random(person)
        return signed_in(
            f"user:u{person}",
            source="headers",
            display_name=f"u{person}",
            groups=frozenset(f"group:g{rng.randrange(self.GROUPS)}" for _ in range(3)),
        )

    def roles(self, person: int) -> list[int]:
        """Return the role of *person* itself; no two people have the same groups."""
        return [self.role_of[person % self.size.users]]

    def questions(
        self, seed: int, people: Iterator[int] | None = None
    ) -> Iterator[Question]:
        """Yield questions, most of which some rule speaks of, no path ever again."""
        rng = random.Random(seed)
        for person in people or self._at_random(seed):
            own = self.roles(person)[0]
            end = own - own % self.DEPTH + self.DEPTH
            path, method = rng.choice(self.rules_of[rng.randrange(own, end)])
            fresh = f"{rng.getrandbits(48):012x}"
            for mark in (":app", ":area", ":id", ":owner", "*"):
                path = path.replace(mark, fresh)
            if rng.random() < 0.3:
                path += "x"
            method = rng.choice(METHODS) if method in {"*", "GET|POST"} else method
            yield Question(person, path, method)
