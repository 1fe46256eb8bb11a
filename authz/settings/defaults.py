"""A setting that has a value even where nobody sets it: the default of its table."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from authz.settings.setting import Setting
from authz.settings.table import SETTINGS

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaulted(Generic[_T]):
    """How a setting is read, and what it is by default."""

    name: str
    #: From its text to a value. Raises `InvalidValue`.
    parser: Callable[[str], _T]
    #: What it is where nobody sets it: its default as the reference shows it.
    default: _T


def defaulted(
    name: str, parser: Callable[[str], _T], settings: Iterable[Setting] = SETTINGS
) -> Defaulted[_T]:
    """Return how the setting *name* of the table *settings* is read, by *parser*."""
    [default] = [each.default for each in settings if each.name == name]
    return Defaulted(name=name, parser=parser, default=parser(default))
