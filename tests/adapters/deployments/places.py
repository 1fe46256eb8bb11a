"""Where the worked deployments are."""

from pathlib import Path
from typing import Any

import yaml

ADAPTERS = Path(__file__).parents[3] / "adapters"
COMPOSE_FILES = sorted(ADAPTERS.glob("*/compose.yaml"))
GUIDES = sorted(ADAPTERS.glob("*/README.md"))


def load(path: Path) -> list[dict[str, Any]]:
    """Return the YAML documents in *path*."""
    return [doc for doc in yaml.safe_load_all(path.read_text("utf-8")) if doc]
