"""What is kept sealed in a store, and the secrets that seal it."""

from authz.identity.sealing import Seal, new_secret, read_secrets

__all__ = [
    "Seal",
    "new_secret",
    "read_secrets",
]
