"""What slows down guessing, in one process or several."""

from authz.identity.guesser import Guesser
from authz.identity.guesses import SharedGuesses
from authz.identity.throttle import Throttle
from authz.stores.shared_limits import shared_limits

__all__ = [
    "Guesser",
    "SharedGuesses",
    "Throttle",
    "shared_limits",
]
