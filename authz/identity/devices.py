"""Device cookies: a browser in which somebody has signed in before is known again.

After OWASP's "Slow Down Online Guessing Attacks with Device Cookies". The cookie opens
nothing: it says whose wrong guesses are counted apart, so that nobody is kept out of
their account because strangers guess at it.

Each token in it is for one account, and signed with a key that is made of what the
account keeps secret: the password's hash. So processes that share the accounts know it
without keeping anything, no other account's token will do, and it is over as soon as
the password changes or the person is signed out everywhere. It gives no way to test
passwords, because the hash has a random salt.

A copy that somebody stole is used up by its own guesses; then both are strangers again,
until the person signs in, which gives their browser another one.
"""

import hmac
import re
import secrets
from collections.abc import Iterable, Iterator
from hashlib import sha256
from itertools import islice
from typing import Final

from authz.identity.accounts import Account

#: Seconds after which a browser is a stranger again.
LIFETIME: Final = 180 * 24 * 3600
#: People who share a browser; who signed in the longest time ago is forgotten first.
MAX_ACCOUNTS: Final = 8
_SEPARATOR: Final = "~"
_MAX_COOKIE: Final = 1024
#: Tokens that one request is read for: who sends them does not choose the work.
_MAX_TOKENS: Final = 64
#: An id, the second when it was made, and what signs both.
_TOKEN: Final = re.compile(r"([0-9a-f]{16})\.([0-9]{1,12})\.([0-9a-f]{64})")


def known_device(
    cookies: Iterable[str], account: Account | None, now: float
) -> str | None:
    """Return the id of the browser with *cookies* if it is known to *account*.

    Args:
        cookies: What the browser sent; one of several may be planted, and hides none.
        account: Whom somebody says to be; None: there is nobody of that name.
        now: Seconds since the epoch.
    """
    if account is None or not account.password_hash:
        return None
    for nonce, made, mac in islice(_tokens(cookies), _MAX_TOKENS):
        if 0 <= now - int(made) <= LIFETIME and hmac.compare_digest(
            mac, _mac(account, nonce, made)
        ):
            return nonce
    return None


def remember(cookies: Iterable[str], account: Account, now: float) -> str:
    """Return the cookie for a browser in which *account* has just signed in.

    What *cookies* say of other accounts stays in it. The id is new each time: who has a
    copy of the last one is not counted with this browser any more.
    """
    others = [
        token
        for token in islice(_tokens(cookies), _MAX_TOKENS)
        if not hmac.compare_digest(token[2], _mac(account, token[0], token[1]))
    ]
    nonce, made = secrets.token_hex(8), str(int(now))
    kept = [(nonce, made, _mac(account, nonce, made)), *others][:MAX_ACCOUNTS]
    return _SEPARATOR.join(".".join(token) for token in kept)


def _tokens(cookies: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    for cookie in cookies:
        if len(cookie) <= _MAX_COOKIE:
            for token in cookie.split(_SEPARATOR)[:MAX_ACCOUNTS]:
                if found := _TOKEN.fullmatch(token):
                    yield found[1], found[2], found[3]


def _mac(account: Account, nonce: str, made: str) -> str:
    secret = sha256(account.password_hash.encode()).digest()
    said = f"authz-device\0{account.name}\0{account.epoch}\0{nonce}\0{made}"
    return hmac.new(secret, said.encode(), sha256).hexdigest()
