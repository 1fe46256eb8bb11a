"""Clients that ask and note what they are told."""

import http.client
import itertools
import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, Protocol, Self, TypeVar

from tests.soak.app import ROUTES
from tests.soak.history import USERS, Answer


class Asked(Protocol):
    """One answer, as far as every kind of client knows it."""

    @property
    def status(self) -> int:
        """The status, or 0 if the connection was cut."""
        ...


_A = TypeVar("_A", bound=Asked)


class Clients(Generic[_A]):
    """Threads that ask all replicas, one question after the other.

    A question is what *ask* sends and notes: on a connection, with an id of its own.
    Each thread looks at an answer for *pause* seconds.
    """

    def __init__(
        self,
        ports: Sequence[int],
        ask: Callable[[http.client.HTTPConnection, str, random.Random], _A],
        *,
        threads: int = 4,
        patience: float = 10,
        pause: float = 0,
    ) -> None:
        self._ports, self._ask, self._patience = ports, ask, patience
        self._pause = pause
        self._stop = threading.Event()
        self._answers: list[list[_A]] = [[] for _ in range(threads)]
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(threads)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def answers(self) -> list[_A]:
        """All answers up to now."""
        return [answer for answers in self._answers for answer in list(answers)]

    def _run(self, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - no secret
        # One that was closed opens itself again for the next question.
        connections = {
            port: http.client.HTTPConnection("127.0.0.1", port, timeout=self._patience)
            for port in self._ports
        }
        for count in itertools.count():
            if self._stop.is_set():
                break
            connection = connections[self._ports[(number + count) % len(self._ports)]]
            answer = self._ask(connection, f"{number}-{count}", chance)
            self._answers[number].append(answer)
            if not answer.status:
                connection.close()
                self._stop.wait(0.02)  # as a client does that was cut off
            elif self._pause:
                self._stop.wait(self._pause)
        for connection in connections.values():
            connection.close()


def ask_app(
    connection: http.client.HTTPConnection, id_: str, chance: random.Random
) -> Answer:
    """Ask the app for one of its routes, as one of its people."""
    user, route = chance.choice(USERS), chance.randrange(ROUTES)
    asked = time.monotonic()
    try:
        connection.request(
            "GET", f"/r/{route}", headers={"X-Soak-User": user, "X-Soak-Id": id_}
        )
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        return Answer(
            user=user, route=route, asked=asked, answered=time.monotonic(), status=0
        )
    if response.status != 503:
        # An answer to another question would look like a wrong decision.
        assert response.headers["X-Soak-Id"] == id_
    return Answer(
        user=user,
        route=route,
        asked=asked,
        answered=time.monotonic(),
        status=response.status,
        revision=response.headers.get("X-Soak-Revision", ""),
    )
