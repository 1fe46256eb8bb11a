"""Everybody, where an old switch says that there is no sign-in."""

from collections.abc import Callable

from authz.decision import Subject, signed_in
from authz.identity.source import RequestFacts


class Everyone:
    """The identity source that knows nobody and takes everybody for one subject.

    It is asked last, and the policy still decides: the switch is a grant to this
    subject. Another site's pages cannot use it, because it counts as ambient.
    """

    method = "open"
    ambient = True

    def __init__(self, name: str, *, holds: Callable[[], bool] = lambda: True) -> None:
        """Take everybody for the subject *name* as long as *holds* returns true."""
        #: Whether the switch that opened the app still says so.
        self.holds = holds
        self._subject: Subject = signed_in(
            name, source=self.method, display_name="everybody (there is no sign-in)"
        )

    def identify(self, facts: RequestFacts) -> Subject | None:  # noqa: ARG002 - anybody
        """Return the one subject that everybody is; None if people sign in again."""
        return self._subject if self.holds() else None
