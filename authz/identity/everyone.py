"""Everybody, where an old switch says that there is no sign-in."""

from authz.decision import Subject, signed_in
from authz.identity.source import RequestFacts


class Everyone:
    """The identity source that knows nobody and takes everybody for one subject.

    It is asked last, and the policy still decides: the switch is a grant to this
    subject. Another site's pages cannot use it, because it counts as ambient.
    """

    method = "open"
    ambient = True

    def __init__(self, name: str) -> None:
        self._subject: Subject = signed_in(
            name, source=self.method, display_name="everybody (there is no sign-in)"
        )

    def identify(self, facts: RequestFacts) -> Subject:  # noqa: ARG002 - whoever asks
        """Return the one subject that everybody is."""
        return self._subject
