"""The form a path and a method must have before anything is decided about them.

The router, a proxy and a person must read the same thing in a path. What two of them
could read differently is refused, never repaired.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from authz.errors import MalformedRequest
from authz.policy.patterns import METHODS

_METHOD: Final = re.compile(r"[A-Z]+(?:-[A-Z]+)*")
_ODD: Final = {
    "empty-segment": re.compile(r"//"),
    "dot-segment": re.compile(r"/\.{1,2}(?:/|\Z)"),
    "backslash": re.compile(r"\\"),
    "control-character": re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"),
    "not-utf-8": re.compile(r"[\ufffd\ud800-\udfff]"),
    "encoded-twice": re.compile(r"%(?:2f|5c|2e|00)", re.IGNORECASE),
}


def check_canonical(environ: Mapping[str, Any], path: str, method: str) -> None:
    """Check what the router was given: *environ*, and *path* and *method* of it.

    Raises:
        MalformedRequest: if one of them could be read in more than one way.
    """
    if environ["REQUEST_METHOD"] != method:
        # The router works with the upper-case name, a log or a proxy with the other.
        raise MalformedRequest("method-case")
    if method not in METHODS and not _METHOD.fullmatch(method):
        raise MalformedRequest("method-name")
    path_info = environ.get("PATH_INFO", "")
    # Werkzeug makes any number of leading slashes one; equal means there was one.
    if path_info != path and (path_info[:1] != "/" or path_info[1:2] == "/"):
        is_mount_root = not path_info and environ.get("SCRIPT_NAME")
        if not is_mount_root:
            raise MalformedRequest("path-start")
    # Nearly every path is plain; this says so without a regular expression.
    if (
        path.isascii()
        and path.isprintable()
        and "//" not in path
        and "/." not in path
        and "\\" not in path
        and "%" not in path
    ):
        return
    for why, pattern in _ODD.items():
        if pattern.search(path):
            raise MalformedRequest(why)
