"""gunicorn with the app of `authz serve`; each worker makes its own."""

from collections.abc import Mapping
from typing import Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]

from authz.serve import create_app


class _Serve(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        return create_app()


def run(options: Mapping[str, Any]) -> None:
    """Run gunicorn with *options*, as its configuration names them, until it ends."""
    _Serve(options).run()
