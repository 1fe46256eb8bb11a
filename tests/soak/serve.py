"""`authz serve` on one PostgreSQL, twice: workers die, rules change, the store fails.

Asked as a proxy asks. What it tells the app of somebody says which policy it went by:
each one gives them a role of its own.
"""

import http.client
import itertools
import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from authz.audit.sinks import LoggingSink
from authz.errors import AuthzError
from authz.identity.accounts import hash_password
from authz.identity.assertions import new_signing_key
from authz.policy.records import PolicyRecords
from authz.runtime import start
from authz.settings import read_settings
from tests.services import PostgreSQL
from tests.soak.database import Harm, harm_in_turn, replace_all
from tests.soak.history import USERS
from tests.soak.load import Clients
from tests.soak.report import Bar
from tests.soak.servers import Replica

HOSTS = tuple(f"h{number}.home.test" for number in range(5))
ROUTES = 10
#: Who is denied is not told by which policy: by one of so many seconds, at most.
_DENIED_BY = 60.0
_PASSWORD = "correct horse battery"
_PORTAL = "auth.home.test"
_STRANGER = ""
#: Has a session, and may always open `/r/0` and nothing else.
_STEADY = "dora"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One answer to a question about *user*, and when it was asked and answered."""

    user: str
    host: int
    route: int
    asked: float
    answered: float
    #: 200, 401, 403, 503, or 0 if the connection was cut.
    status: int
    #: The policy that the roles of an allowed request name; -1 without.
    policy: int = -1
    #: Whom the app would be told of.
    who: str = ""


@dataclass(slots=True)
class InForce:
    """Which policies may have been in force when."""

    #: By number: since when it may have been there, and since when another one was.
    times: dict[int, tuple[float, float]] = field(default_factory=dict)

    def tried(self, number: int) -> None:
        """Note that from now on *number* may be in force."""
        self.times[number] = (time.monotonic(), float("inf"))

    def stored(self, number: int) -> None:
        """Note that *number* is in force, and the others are not."""
        now = time.monotonic()
        for other, (since, until) in self.times.items():
            if other != number:
                self.times[other] = (since, min(until, now))

    def staleness(self, told: Told) -> float:
        """Return for how long the policy that allowed it had been replaced."""
        _, until = self.times.get(told.policy, (0.0, float("inf")))
        return max(0.0, told.asked - until)

    def is_wrong(self, told: Told) -> bool:
        """Whether no policy that may have been in force says what was *told*."""
        if told.status not in {200, 401, 403}:
            return False
        if told.user == _STRANGER:
            return told.status != 401
        if told.user == _STEADY:
            return told.status != (200 if told.route == 0 else 403)
        if told.status == 401 or (told.status == 200) is not (told.policy >= 0):
            return True
        return not any(
            since <= told.answered and told.asked <= until + _DENIED_BY
            for number, (since, until) in self.times.items()
            if told.policy in {-1, number}
            and told.who in {"", f"soak/{told.user}"}
            and may(number, told.user, told.host, told.route) is (told.status == 200)
        )


def may(number: int, user: str, host: int, route: int) -> bool:
    """Return what the policy *number* is meant to say."""
    granted = (number + USERS.index(user)) % 4 != 0
    opened = bool((number >> ((route + host) % 5)) & 1)
    denied = user == "ben" and (number + route + host) % 7 == 0
    return granted and opened and not denied


def policy(number: int) -> str:
    """Return the policy *number*: rules, grants and denies come and go."""
    lines = [
        "p, role:admin, *, /*, *",
        "g, user:root, role:admin, *",
        "p, role:steady, host:*, /r/0, GET",
        f"p, role:policy{number}, *, /nowhere, GET",
        *(f"g, user:soak/{user}, role:policy{number}, *" for user in USERS),
    ]
    for (host, name), route in itertools.product(enumerate(HOSTS), range(ROUTES)):
        where = f"host:{name}, /r/{route}, GET"
        if (number >> ((route + host) % 5)) & 1:
            lines.append(f"p, role:user, {where}")
        if (number + route + host) % 7 == 0:
            lines.append(f"p, user:soak/ben, {where}, deny")
    lines += [
        f"g, user:soak/{user}, role:user, *"
        for index, user in enumerate(USERS)
        if (number + index) % 4
    ]
    return "".join(f"{line}\n" for line in lines)


def serve_faults(seconds: float) -> list[Bar]:
    """Return how questions were answered while everything had a hard time."""
    with (
        closing(PostgreSQL()) as postgresql,
        tempfile.TemporaryDirectory(prefix="authz-soak-") as folder,
    ):
        return _soak(postgresql, Path(folder), seconds)


def _soak(postgresql: PostgreSQL, folder: Path, seconds: float) -> list[Bar]:
    seed = folder / "policy.csv"
    seed.write_text(policy(1))
    url = postgresql.new_database()
    settings = {
        "AUTHZ_STORE": url,
        "AUTHZ_POLICY_SEED": str(seed),
        "AUTHZ_MODEL": "model-scoped.conf",
        "AUTHZ_FORWARD_PORTAL": f"http://{_PORTAL}",
        "AUTHZ_FORWARD_PEERS": "127.0.0.1",
        "AUTHZ_FORWARD_HOSTS": "\n".join(f"http://{name}" for name in HOSTS),
        "AUTHZ_FORWARD_KEYS": new_signing_key(),
        "AUTHZ_COOKIE_DOMAIN": "home.test",
        "AUTHZ_ACCOUNTS": f"{_STEADY}:steady:{hash_password(_PASSWORD)}",
        # Whoever loses a role is signed out; for whom a proxy vouches, is not.
        "AUTHZ_TRUSTED_PROXIES": "127.0.0.1",
        "AUTHZ_USER_HEADER": "X-Soak-User",
        "AUTHZ_PROXY_NAME": "soak",
    }
    in_force = InForce()
    in_force.tried(1)
    harms: list[Harm] = [
        (postgresql.stop, postgresql.start, 3),
        (
            partial(postgresql.signal, signal.SIGSTOP),
            partial(postgresql.signal, signal.SIGCONT),
            4,
        ),
        (
            partial(postgresql.take_changes, url, yes=False),
            partial(postgresql.take_changes, url, yes=True),
            3,
        ),
    ]
    with _replicas(settings) as replicas, _editor(settings) as records:
        cookie = sign_in(replicas[0].port, _STEADY)
        kills, stop = 0, threading.Event()
        with (
            Clients(
                [replica.port for replica in replicas],
                partial(_ask, cookie=cookie),
                patience=20,
            ) as proxies,
            ThreadPoolExecutor(max_workers=1) as pool,
        ):
            begun = time.monotonic()
            faults = pool.submit(harm_in_turn, harms, stop)
            try:
                for second in range(1, int(seconds) + 1):
                    replicas[second % 2].kill_a_worker(second)
                    kills += 1
                    _edit(records, second + 1, in_force)
                    time.sleep(max(0.0, begun + second - time.monotonic()))
            finally:
                stop.set()
            faults.result()
        alive = [replica.process.poll() is None for replica in replicas]
    return bars(proxies.answers, in_force, kills=kills, alive=all(alive))


def bars(
    told: Sequence[Told], in_force: InForce, *, kills: int, alive: bool
) -> list[Bar]:
    """Return the bars on what was *told*."""
    wrong = [each for each in told if in_force.is_wrong(each)]
    by_status = {
        status: sum(each.status == status for each in told)
        for status in sorted({each.status for each in told})
    }
    said = ", ".join(f"{count:,} x {status}" for status, count in by_status.items())
    stale = max(map(in_force.staleness, told), default=0.0)
    decided = all(by_status.get(status) for status in (200, 401, 403))
    return [
        Bar(
            name="authz serve: no wrong answer",
            met=not wrong and decided,
            figure=f"{len(wrong)} wrong of {len(told):,} ({said})"
            + (f", first {wrong[0]}" if wrong else ""),
        ),
        Bar(
            name="authz serve: it outlives its workers and its database",
            met=alive,
            figure=f"{kills} killed",
        ),
        Bar(
            name="authz serve: nobody is allowed by a policy replaced over 5 s ago",
            met=stale <= 5,
            figure=f"{stale:.2f} s",
            timed=True,
        ),
        Bar(
            name="authz serve: at most 2 cut connections for each killed worker",
            met=by_status.get(0, 0) <= 2 * kills,
            figure=f"{by_status.get(0, 0)} cut, {kills} killed",
            timed=True,
        ),
    ]


@contextmanager
def _replicas(settings: dict[str, str]) -> Iterator[list[Replica]]:
    authz = str(Path(sys.executable).with_name("authz"))

    def command(port: int) -> list[str]:
        return [authz, "serve", "--bind", f"127.0.0.1:{port}", "--workers", "2"]

    replicas: list[Replica] = []
    try:
        replicas += (Replica(settings, command=command) for _ in range(2))
        yield replicas
    finally:
        for replica in replicas:
            replica.stop()


@contextmanager
def _editor(settings: dict[str, str]) -> Iterator[PolicyRecords]:
    """Edit as a command of the shell does, and tell the others."""
    runtime = start(
        read_settings({}, settings),
        audit=LoggingSink(),
        serves=False,
    )
    try:
        yield runtime.records
    finally:
        runtime.close()


def _edit(records: PolicyRecords, number: int, in_force: InForce) -> None:
    """Replace the whole policy, as one change. While the database is away, it fails."""
    in_force.tried(number)
    try:
        replace_all(records, policy(number), note=f"edit {number}")
    except AuthzError:
        return  # it may be there all the same, until the next one is
    in_force.stored(number)


def _ask(
    connection: http.client.HTTPConnection,
    _: str,
    chance: random.Random,
    *,
    cookie: str,
) -> Told:
    """Ask as the proxy of an app asks; *cookie* is that of who signed in."""
    user = chance.choice((*USERS, *USERS, _STEADY, _STRANGER))
    host, route = chance.randrange(len(HOSTS)), chance.randrange(ROUTES)
    asked, status, policy_, who = time.monotonic(), 0, -1, ""
    who_asks = {"X-Soak-User": user} if user in USERS else {}
    if user == _STEADY:
        who_asks = {"Cookie": cookie}
    try:
        connection.request(
            "GET",
            "/authz/forward",
            headers={
                "X-Forwarded-Method": "GET",
                "X-Forwarded-Proto": "http",
                "X-Forwarded-Host": HOSTS[host],
                "X-Forwarded-Uri": f"/r/{route}",
                **who_asks,
            },
        )
        answer = connection.getresponse()
        answer.read()
        roles = re.findall(r"policy(\d+)", answer.headers["Remote-Groups"] or "")
        status, who = answer.status, answer.headers["Remote-User"] or ""
        policy_ = max(map(int, roles), default=-1)
    except (OSError, http.client.HTTPException):
        status = 0
    return Told(
        user=user,
        host=host,
        route=route,
        asked=asked,
        answered=time.monotonic(),
        status=status,
        policy=policy_,
        who=who,
    )


def sign_in(port: int, user: str) -> str:
    """Sign in at the portal, as its proxy hands it on; return the cookie."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/authz/sign-in", headers={"Host": _PORTAL})
    answer = connection.getresponse()
    (token,) = re.findall(r'name="csrf_token" value="([^"]+)"', answer.read().decode())
    connection.request(
        "POST",
        "/authz/sign-in",
        urlencode({"csrf_token": token, "username": user, "password": _PASSWORD}),
        {
            "Host": _PORTAL,
            "Origin": f"http://{_PORTAL}",
            "Cookie": (answer.headers["Set-Cookie"] or "").partition(";")[0],
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    answer = connection.getresponse()
    answer.read()
    given = answer.headers.get_all("Set-Cookie") or []
    (cookie,) = (
        each.partition(";")[0]
        for each in given
        if "Domain=" in each and "-device=" not in each
    )
    connection.close()
    return cookie
