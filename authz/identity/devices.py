"""Device cookies: a browser in which somebody has signed in before is known again.

After OWASP's "Slow Down Online Guessing Attacks with Device Cookies". The cookie opens
nothing: it says whose wrong guesses are counted apart, so that nobody is kept out of
their account because strangers guess at it.

Each token in it is for one account, and signed with a key that is made of what the
account keeps secret: the password's hash. So processes that share the accounts know it
without keeping anything, no other account's token will do, and it is over as soon as
the password changes or the person is signed out everywhere. It gives no way to test
passwords, because the hash has a random salt.
"""

import hmac
import secrets
from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from authz.identity.accounts import Account

#: Seconds after which a browser is a stranger again.
LIFETIME: Final = 180 * 24 * 3600
#: People who share a browser; who signed in the longest time ago is forgotten first.
MAX_ACCOUNTS: Final = 8
_SEPARATOR: Final = "~"
_MAX_COOKIE: Final = 1024


def known_device(cookie: str | None, account: Account | None, now: float) -> str | None:
    """Return the id of the browser with *cookie* if it is known to *account*.

    Args:
        cookie: What the browser sent, or None.
        account: Whom somebody says to be; None: there is nobody of that name.
        now: Seconds since the epoch.
    """
    if account is None or not account.password_hash:
        return None
    for token in _tokens(cookie):
        nonce, made, mac = token
        if not hmac.compare_digest(mac, _mac(account, nonce, made)):
            continue
        age = now - int(made)
        return nonce if 0 <= age <= LIFETIME else None
    return None


def remember(cookie: str | None, account: Account, now: float) -> str:
    """Return the cookie for a browser in which *account* has just signed in.

    What *cookie* says of other accounts stays in it.
    """
    others = [
        token
        for token in _tokens(cookie)
        if not hmac.compare_digest(token[2], _mac(account, token[0], token[1]))
    ]
    # The id it had goes on to be counted: signing in resets no count.
    nonce = known_device(cookie, account, now) or secrets.token_hex(8)
    made = str(int(now))
    kept = [(nonce, made, _mac(account, nonce, made)), *others][:MAX_ACCOUNTS]
    return _SEPARATOR.join(".".join(token) for token in kept)


def _tokens(cookie: str | None) -> Iterator[tuple[str, str, str]]:
    if not cookie or len(cookie) > _MAX_COOKIE or not cookie.isascii():
        return
    for token in cookie.split(_SEPARATOR)[:MAX_ACCOUNTS]:
        parts = token.split(".")
        if len(parts) == 3 and parts[1].isdigit() and len(parts[1]) <= 12:  # noqa: PLR2004
            yield parts[0], parts[1], parts[2]


def _mac(account: Account, nonce: str, made: str) -> str:
    secret = sha256(account.password_hash.encode()).digest()
    said = f"authz-device\0{account.name}\0{account.epoch}\0{nonce}\0{made}"
    return hmac.new(secret, said.encode(), sha256).hexdigest()
