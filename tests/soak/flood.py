"""Wrong passwords rain down through one proxy; nobody who was here before feels it.

Half of them are for the account of somebody who signs in meanwhile, from many addresses
behind the same proxy; she is known by the cookie of her browser alone.
"""

import http.client
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlencode

from authz.identity.accounts import hash_password
from tests.soak.history import policy_text
from tests.soak.report import Bar
from tests.soak.servers import Replica

#: Wrong sign-ins in a second.
RATE = 50
_ADDRESSES = 250
_PASSWORD = "the password of anna"
_HOME = "198.51.100.7"


def login_flood(seconds: float) -> list[Bar]:
    """Return how long pages and right sign-ins took beside a flood of wrong ones."""
    with tempfile.TemporaryDirectory(prefix="authz-soak-") as folder:
        return _flood(Path(folder), seconds)


def _flood(folder: Path, seconds: float) -> list[Bar]:
    policy = folder / "policy.csv"
    policy.write_text(policy_text(1) + "p, role:everyone, /r/0, GET\n")
    accounts = folder / "accounts"
    accounts.write_text(f"anna:user:{hash_password(_PASSWORD)}\n")
    settings = {
        "AUTHZ_POLICY": str(policy),
        "AUTHZ_ACCOUNTS_FILE": str(accounts),
        "AUTHZ_COOKIE_NAME": "authz",
        "AUTHZ_FORWARDED_PROXIES": "127.0.0.1",
    }
    replica = Replica(settings, workers=1, threads=16)
    pages: list[float] = []
    signing_in: list[float] = []
    statuses: dict[int, int] = {}
    stop = threading.Event()

    def flood() -> None:
        begun, number = time.monotonic(), 0
        while not stop.wait(max(0.0, begun + number / RATE - time.monotonic())):
            number += 1
            thread = threading.Thread(target=guess, args=(number,), daemon=True)
            thread.start()

    def guess(number: int) -> None:
        address = f"203.0.{number % _ADDRESSES}.{1 + number % 199}"
        name = "anna" if number % 2 else f"user{number}"
        try:
            status, _, _ = _sign_in(replica.port, name, "wrong", address)
        except (OSError, http.client.HTTPException):
            status = 0
        statuses[status] = statuses.get(status, 0) + 1

    def sign_in() -> None:
        while not stop.wait(0.5):
            status, took, _ = _sign_in(replica.port, "anna", _PASSWORD, _HOME, device)
            # Told to come back is an answer too; somebody would try again.
            signing_in.append(took if status == 303 else 10.0)

    # Somebody who has signed in before in this browser.
    status, _, device = _sign_in(replica.port, "anna", _PASSWORD, _HOME)
    assert status == 303
    assert device
    threads = [threading.Thread(target=work) for work in (flood, sign_in)]
    for thread in threads:
        thread.start()
    try:
        connection = http.client.HTTPConnection("127.0.0.1", replica.port, timeout=10)
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            begun = time.monotonic()
            connection.request("GET", "/r/0")
            assert connection.getresponse().read() == b"0"
            pages.append(time.monotonic() - begun)
            time.sleep(0.005)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        replica.stop()
    return _bars(seconds, pages, signing_in, statuses)


def _bars(
    seconds: float,
    pages: list[float],
    signing_in: list[float],
    statuses: dict[int, int],
) -> list[Bar]:
    pages.sort()
    signing_in.sort()
    p99 = pages[int(len(pages) * 0.99)] * 1000
    hers = signing_in[int(len(signing_in) * 0.99)] * 1000
    wrong = statuses.keys() - {0, 401, 429, 503}  # 0: cut off, so nothing was given
    return [
        Bar(
            name=f"a flood of {RATE} wrong sign-ins a second: pages p99 at most 50 ms",
            met=p99 <= 50,
            figure=f"{p99:.1f} ms over {len(pages):,} pages",
            timed=True,
        ),
        Bar(
            name="and sign-ins of who was here before, p99 at most 300 ms",
            met=hers <= 300,
            figure=f"{hers:.0f} ms over {len(signing_in)} sign-ins",
            timed=True,
        ),
        Bar(
            name="and every wrong one is refused",
            met=not wrong and sum(statuses.values()) > RATE * seconds / 2,
            figure=", ".join(f"{n} x {s}" for s, n in sorted(statuses.items())),
        ),
    ]


def _sign_in(
    port: int, name: str, password: str, address: str, device: str = ""
) -> tuple[int, float, str]:
    """Open the form and send it, as a proxy hands it on for a client at *address*.

    Returns the status, the seconds, and the cookie by which the browser is known.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    headers = {"X-Forwarded-For": address}
    try:
        connection.request("GET", "/authz/sign-in", headers=headers)
        response = connection.getresponse()
        response.read()
        token = _cookies(response)["authz-form"]
        form = {"username": name, "password": password, "csrf_token": token}
        cookie = f"authz-form={token}" + (f"; authz-device={device}" if device else "")
        begun = time.monotonic()
        connection.request(
            "POST",
            "/authz/sign-in",
            body=urlencode(form),
            headers={
                **headers,
                "Content-Type": "application/x-www-form-urlencoded",
                "Cookie": cookie,
            },
        )
        response = connection.getresponse()
        response.read()
        took = time.monotonic() - begun
        return response.status, took, _cookies(response).get("authz-device", "")
    finally:
        connection.close()


def _cookies(response: http.client.HTTPResponse) -> dict[str, str]:
    """Return the cookies that came along, by name."""
    found = {}
    for header in response.headers.get_all("Set-Cookie") or ():
        name, _, rest = header.partition("=")
        found[name] = rest.partition(";")[0]
    return found
