"""Linked accounts go when their person goes, and nobody inherits them with a name."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from authz import AuditEvent, EventTag
from authz.integration.identity import Person
from authz_audiomuse.music.accounts import By, MusicAccounts, Standing, is_person

#: People of a provider are noted in the background, maybe after they linked something.
_NOTED_LATE: Final = timedelta(hours=1)


class ForgetLeavers:
    """An audit sink that forgets the accounts of a person who is being removed.

    The record of a removal is written before it takes effect; if the removal then
    fails, the person has to connect again, and nothing worse happens.
    """

    def __init__(self) -> None:
        #: Set once there are accounts.
        self.accounts: MusicAccounts | None = None

    def record(self, event: AuditEvent) -> None:
        """Forget whom *event* removes.

        Raises:
            StoreError: if that cannot be done; then the person is not removed either.
        """
        if event.tag is not EventTag.PERSON_REMOVED or self.accounts is None:
            return
        name = event.about if is_person(event.about) else f"user:{event.about}"
        # Whoever removes them holds a lock meanwhile, so no music server is asked.
        by = By(name=event.subject, peer=event.peer, client=event.client)
        self.accounts.forget(name, by=by, at_once=False)


def standing_by(
    find: Callable[[str], Person | None],
) -> Callable[[str], Standing]:
    """Return what tells of whom a name is, by *find*, which looks a person up by id."""

    def standing(name: str) -> Standing:
        id_ = name.removeprefix("user:")
        person = find(id_)
        if person is None:
            return Standing()
        if person.created is None:
            return Standing(known=True)
        late = _NOTED_LATE if "/" in id_ else timedelta()
        return Standing(known=True, since=person.created - late)

    return standing
