"""gunicorn with the app of `authz serve`, made before the workers and anew at HUP."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from authz.errors import AuthzError
from authz.serve import create_app

_LOG: Final = logging.getLogger(__name__)


class _Serve(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app()

    def reload(self) -> None:
        super().reload()
        try:
            self.callable = create_app()
        except AuthzError as error:
            # The workers go on with what they have, and gunicorn with its workers.
            _LOG.error("HUP changed nothing: %s", error)


def run(options: Mapping[str, Any]) -> None:
    """Run gunicorn with *options*, as its configuration names them, until it ends."""
    # A worker that dies while the database is away is replaced all the same.
    _Serve({**options, "preload_app": True}).run()
