"""Whom a proxy vouches for: by a signed token, by plain headers, or by both."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from authz.decision import Subject
from authz.errors import InvalidCredentials
from authz.identity.scoped_groups import ScopedGroup, with_scoped
from authz.identity.source import RequestFacts
from authz.identity.trusted_headers import TrustedHeaders
from authz.identity.why import Why

if TYPE_CHECKING:
    from authz.identity.proxy_jwt import SignedTokens


class ProxiedIdentity:
    """The identity source for what a proxy adds to a request.

    A token is asked for first. Headers that come with it must name the same person:
    where they differ, one of them was forged, and nobody can tell which.
    """

    method = "proxy"
    ambient = True

    def __init__(  # noqa: PLR0913 - whom it asks, and whom it tells
        self,
        tokens: "Iterable[SignedTokens]",
        headers: TrustedHeaders | None,
        *,
        on_seen: Callable[[Subject], object] | None = None,
        on_dropped: Callable[[Subject, RequestFacts], object] | None = None,
        denies_groups: Callable[[], bool] = lambda: True,
        scoped_groups: Sequence[ScopedGroup] = (),
    ) -> None:
        """Ask *tokens* and *headers*.

        Args:
            tokens: The sources for signed tokens, by header.
            headers: The source for plain headers, if they are believed.
            on_seen: Told of everybody.
            on_dropped: Told of somebody who has groups that no policy can name.
            denies_groups: Whether the policy in force denies something to groups: then
                somebody with such a group is refused, as it might be one of those.
            scoped_groups: The patterns of groups that give a role in a scope.
        """
        self._scoped_groups = scoped_groups
        self.tokens = tuple(tokens)
        self.headers = headers
        self._on_seen = on_seen
        self._on_dropped = on_dropped
        self._denies_groups = denies_groups

    def identify(self, facts: RequestFacts) -> Subject | None:
        """Return whom the proxy vouches for, or None if it says nothing.

        Raises:
            InvalidCredentials: if what it says does not hold, or contradicts itself.
        """
        found: Subject | None = None
        for source in self.tokens:
            found = _agreed(found, source.identify(facts))
        if self.headers is not None:
            found = _agreed(found, self.headers.identify(facts))
        if found is not None and found.groups.dropped:
            self._check_dropped(found, facts)
        if found is not None and self._on_seen is not None:
            self._on_seen(found)
        if found is not None and self._scoped_groups:
            return with_scoped(found, self._scoped_groups)
        return found

    def _check_dropped(self, subject: Subject, facts: RequestFacts) -> None:
        """Leave out what no policy can name, or refuse where that could be a way in."""
        dropped = subject.groups.dropped[0]
        if self._denies_groups():
            raise InvalidCredentials(
                subject.name.removeprefix("user:").partition("/")[0],
                Why.GROUP_NOT_ALLOWED,
                place=subject.groups.place,
                value=f"{dropped.text}: {dropped.why}",
            )
        if self._on_dropped is not None:
            self._on_dropped(subject, facts)


def _agreed(first: Subject | None, second: Subject | None) -> Subject | None:
    if first is None or second is None:
        return first or second
    if _id(first) != _id(second):
        raise InvalidCredentials(first.source, Why.IDENTITIES_DISAGREE)
    return first


def _id(subject: Subject) -> str:
    """Return what stands behind the source's name."""
    return subject.name.partition("/")[2]
