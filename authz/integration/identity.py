"""People, and what tells whose a token is."""

from authz.identity.people import Person
from authz.identity.tokens import digest_of

__all__ = [
    "Person",
    "digest_of",
]
