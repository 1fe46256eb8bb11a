"""Policies of four sizes, and questions about them that were never asked before."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from authz.decision import Subject, signed_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a policy is."""

    rules: int
    roles: int
    users: int


SIZES = (
    Size(rules=20, roles=2, users=20),
    Size(rules=1_000, roles=100, users=1_000),
    Size(rules=10_000, roles=1_000, users=10_000),
    Size(rules=100_000, roles=1_000, users=10_000),
)


class Workload:
    """One policy, its people, and an endless stream of questions."""

    def __init__(self, size: Size) -> None:
        self.size = size
        rng = random.Random(size.rules)
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
            self.rules_of[number % size.roles].append(
                (path, rng.choice(("GET", "POST", "PUT")))
            )
        #: As the hook finds them: by a session's token.
        self.sessions: dict[str, Subject] = {
            f"token{user}": signed_in(
                f"user:u{user}", source="local", display_name=f"u{user}"
            )
            for user in range(size.users)
        }

    def csv(self) -> bytes:
        """Return the policy as a file, every rule with its four fields."""
        lines = [
            f"p, role:r{role}, {path}, {method}, allow"
            for role, rules in enumerate(self.rules_of)
            for path, method in rules
        ]
        lines += [f"g, user:u{u}, role:r{r}" for u, r in enumerate(self.role_of)]
        return ("\n".join(lines) + "\n").encode()

    def questions(self, seed: int) -> Iterator[tuple[str, bytes, str]]:
        """Yield (token, path, method), half of them allowed, no path ever again."""
        rng = random.Random(seed)
        while True:
            user = rng.randrange(self.size.users)
            fresh = f"{rng.getrandbits(48):012x}"
            if rng.random() < 0.5:
                path, method = rng.choice(self.rules_of[self.role_of[user]])
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
                method = rng.choice(("GET", "POST", "PUT"))
            yield f"token{user}", path.encode(), method

    def repeated(self, seed: int) -> Iterator[tuple[str, bytes, str]]:
        """Yield questions of which a few are asked most of the time."""
        rng = random.Random(seed)
        source = self.questions(seed)
        known = [next(source) for _ in range(2_000)]
        while True:
            yield known[min(int(rng.paretovariate(0.8)) - 1, len(known) - 1)]
