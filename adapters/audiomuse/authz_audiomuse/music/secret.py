"""Values that must not be seen: they have no readable form but the one asked for."""

import hmac
from typing import Final, NoReturn

_HIDDEN: Final = "Secret(hidden)"


class Secret:
    """A password, token or key.

    Neither `repr`, `str`, a format, a log line nor a traceback that shows local
    variables gives it away, and it cannot be pickled or copied into a file by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return _HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(_HIDDEN, spec)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    __hash__ = None  # type: ignore[assignment]  # a hash would tell equal ones apart

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not written down")
