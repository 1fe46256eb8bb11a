"""A key that only processes know which share a policy file: made once, beside it.

Not derived from settings: whoever sees something signed could try passwords on it, and
where settings hold no secret anybody could make it.
"""

import logging
import secrets
from pathlib import Path
from typing import Final

from authz.bounded_read import read_file
from authz.stores.file.lock import locked
from authz.stores.file.policy import led_to, write_whole

_log: Final = logging.getLogger("authz")
_BYTES: Final = 32


def shared_key(path: Path) -> bytes | None:
    """Return the key of those who share the file *path*; None if there can be none.

    Made if it is not there, for the eyes of its owner only.
    """
    target = led_to(path)
    kept = target.with_name(f".{target.name}.key")
    try:
        if not kept.exists():
            with locked(target):
                if not kept.exists():
                    write_whole(kept, secrets.token_bytes(_BYTES))
        key = read_file(kept, most=_BYTES)
        problem = "" if len(key) == _BYTES else "it is not whole: remove it"
    except OSError as error:
        key, problem = b"", str(error.strerror)
    if problem:
        _log.warning(
            "%s: there is no key for those who share the policy (%s): whoever changes "
            "it may be told the old one by another process, for up to two seconds",
            kept,
            problem,
        )
    return None if problem else key
