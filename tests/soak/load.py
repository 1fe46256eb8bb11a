"""Clients that ask and note what they are told."""

import http.client
import itertools
import random
import threading
import time
from collections.abc import Sequence
from typing import Self

from tests.soak.app import ROUTES
from tests.soak.history import USERS, Answer


class Load:
    """Threads that ask all replicas, one question after the other."""

    def __init__(self, ports: Sequence[int], *, threads: int = 4) -> None:
        self._ports = ports
        self._stop = threading.Event()
        self._answers: list[list[Answer]] = [[] for _ in range(threads)]
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
    def answers(self) -> list[Answer]:
        """All answers up to now."""
        return [answer for answers in self._answers for answer in list(answers)]

    def _run(self, number: int) -> None:
        chance = random.Random(number)  # noqa: S311 - no secret
        connections: dict[int, http.client.HTTPConnection] = {}
        for count in itertools.count():
            if self._stop.is_set():
                break
            port = self._ports[(number + count) % len(self._ports)]
            answer = _ask(connections, port, f"{number}-{count}", chance)
            self._answers[number].append(answer)
            if not answer.status:
                self._stop.wait(0.02)  # as a client does that was cut off
        for connection in connections.values():
            connection.close()


def _ask(
    connections: dict[int, http.client.HTTPConnection],
    port: int,
    id_: str,
    chance: random.Random,
) -> Answer:
    user, route = chance.choice(USERS), chance.randrange(ROUTES)
    connection = connections.get(port)
    if connection is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connections[port] = connection
    asked = time.monotonic()
    try:
        connection.request(
            "GET", f"/r/{route}", headers={"X-Soak-User": user, "X-Soak-Id": id_}
        )
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        del connections[port]
        return Answer(
            user=user, route=route, asked=asked, answered=time.monotonic(), status=0
        )
    if response.status != 503:
        # An answer to another question would look like a wrong decision.
        assert response.headers["X-Soak-Id"] == id_
    if response.will_close:
        connection.close()
        del connections[port]
    return Answer(
        user=user,
        route=route,
        asked=asked,
        answered=time.monotonic(),
        status=response.status,
        revision=response.headers.get("X-Soak-Revision", ""),
    )
