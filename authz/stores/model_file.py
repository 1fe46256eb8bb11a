"""The Casbin model in its file: the one that comes along, or that settings name."""

from functools import cache
from pathlib import Path
from typing import Final

from authz.bounded_read import read_file
from authz.errors import StoreError
from authz.settings import Settings

#: No model of Casbin is larger, in bytes.
_MAX_MODEL: Final = 1024 * 1024
#: Where the models are that come along.
_FOLDER: Final = Path(__file__).parents[1]
_SHIPPED: Final = frozenset((Path("model.conf"), Path("model-scoped.conf")))


def shipped_model(*, scoped: bool) -> str:
    """Return the text of the model that comes along, without scopes or with."""
    return _read_shipped("model-scoped.conf" if scoped else "model.conf")


def read_model_text(settings: Settings) -> tuple[str, str]:
    """Return what the model is called, and its text.

    The name of one that comes along is that one, unless there is such a file here.
    Raises `StoreError`.
    """
    path = settings.model or Path("model.conf")
    if settings.model is None or (path in _SHIPPED and not path.exists()):
        return path.name, _read_shipped(path.name)
    try:
        return path.name, read_file(path, most=_MAX_MODEL).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(
            f"{path}: the model cannot be read ({error}): check AUTHZ_MODEL"
        ) from error


@cache
def _read_shipped(name: str) -> str:
    # Once: it is a part of this version, as the modules are.
    return (_FOLDER / name).read_text(encoding="utf-8")
