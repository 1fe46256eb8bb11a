"""What is done with linked accounts: link, look at, check, forget, and act in them.

Pages, commands and the host's requests all go through here.
"""

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from authz import AuditEvent, AuditSink, AuthzError, EventTag, StoreError
from authz.integration.background import Clock, utc_now
from authz_audiomuse.music.faults import PASSING, Fault, MusicFault
from authz_audiomuse.music.links import Ended, Link, LinkStore, Mode
from authz_audiomuse.music.port import (
    About,
    Credential,
    Entered,
    MusicServer,
    Privacy,
    Proof,
)
from authz_audiomuse.music.sealing import NoKey, Seal, SealError

_T = TypeVar("_T")

#: A person is who the policy knows as one; a token is no person.
_PERSON: Final = "user:"
_MAX_PERSON: Final = 255
_MAX_ACCOUNT: Final = 200
_MAX_SECRET: Final = 1024
#: How many accounts are checked in one go, so that a restart loses little.
_BATCH: Final = 50
#: How many wrong keys fewer than what makes a server stop everybody are shown to it.
_SPARE: Final = 2
#: How long it is tried to give a token back to a server that does not answer.
_GIVE_UP: Final = timedelta(days=7)


class NotAPerson(AuthzError):
    """Only people have music accounts."""


class NotEntered(AuthzError):
    """Something is missing in what was entered, or it cannot be what it says it is."""


class Unusable(AuthzError):
    """The person's account cannot be acted in now; nothing is done in another one."""

    def __init__(self, message: str, *, reason: str, server: str = "") -> None:
        super().__init__(message)
        #: A stable machine word.
        self.reason = reason
        self.server = server


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who does it, as the audit log will tell."""

    name: str
    #: The address at the other end of the socket; empty for a command.
    peer: str = ""
    #: The address of the client, behind listed proxies; likewise.
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of whoever has a name now."""

    #: Whether authz keeps whoever has it among its people.
    known: bool = False
    #: Since when they have it, if that is known: what was linked before was somebody
    #: else's.
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What became of the credentials when keys were changed."""

    resealed: int
    #: Those that the newest key had sealed already.
    current: int
    #: Persons and servers whose credentials no key opens.
    lost: tuple[Link, ...]


class MusicAccounts:
    """The linked accounts of one installation."""

    def __init__(  # noqa: PLR0913 - what they are made of
        self,
        *,
        servers: Mapping[str, MusicServer],
        links: LinkStore,
        seal: Seal,
        audit: AuditSink,
        shared: bool,
        standing: Callable[[str], Standing] = lambda _: Standing(),
        clock: Clock = utc_now,
    ) -> None:
        """Keep accounts on *servers* in *links*, sealed with *seal*.

        *shared* says whether people without an account share the one that AudioMuse-AI
        uses; otherwise they have to connect their own first. *standing* tells of whom
        a name is.
        """
        self.servers = servers
        self.links = links
        self._seal = seal
        self._audit = audit
        self._standing = standing
        self._clock = clock
        self.shared = shared
        #: What each server last said of itself, or why it did not.
        self.known: dict[str, About | Fault] = {}

    @property
    def can_store(self) -> bool:
        """Whether there is a key to seal credentials with."""
        return bool(self._seal)

    def server(self, name: str) -> MusicServer:
        """Return the server with the id *name*. Raises `LookupError`."""
        if name not in self.servers:
            raise LookupError(f"`{name[:80]}` is not in AUTHZ_MUSIC_SERVERS")
        return self.servers[name]

    def link(
        self,
        person: str,
        server: str,
        entered: Entered,
        *,
        by: By,
        private: bool = False,
    ) -> Link:
        """Sign in with what *person* *entered*, and keep the account.

        With *private*, playlists made there are hidden from others, if the server can.
        The token of an account that was linked before is given back.

        Raises:
            NotAPerson, NotEntered, LookupError: if it makes no sense.
            NoKey: if nothing can be sealed; then nothing is sent anywhere either.
            MusicFault: if the server does not let them in.
            StoreError: if it cannot be kept. Nothing is changed by any of these.
        """
        _check_person(person)
        music = self.server(server)
        if not self._seal:
            raise NoKey
        entered = checked(music, entered)
        try:
            credential = music.sign_in(entered)
        except MusicFault as error:
            self.record(
                EventTag.LINKED_ACCOUNT_REFUSED,
                by,
                about=person,
                reason=str(error.fault),
                detail={"server": server},
            )
            raise
        try:
            now = self._clock()
            link = Link(
                person=person,
                server=server,
                mode=Mode.OWN,
                account=credential.account[:_MAX_ACCOUNT],
                sealed=self._sealed(person, server, credential),
                checked=now,
                linked=now,
                linked_by=by.name,
                known=self._standing(person).known,
                private=private and music.capabilities.privacy is Privacy.CAN_BE_MADE,
            )
            self._put(link, by)
        except BaseException:
            # Nobody holds it then, so nobody could ever give it back.
            with suppress(MusicFault):
                music.sign_out(credential)
            raise
        return link

    def share(self, person: str, server: str, *, by: By) -> Link:
        """Let *person* make playlists in the account that AudioMuse-AI uses.

        Only an administrator does this. An own account is forgotten.
        """
        _check_person(person)
        self.server(server)
        link = Link(
            person=person,
            server=server,
            mode=Mode.SHARED,
            linked=self._clock(),
            linked_by=by.name,
            known=self._standing(person).known,
        )
        self._put(link, by)
        return link

    def unlink(self, person: str, server: str, *, by: By) -> bool:
        """Forget *person* on *server*; return whether anything was kept.

        The token that the server gave is given back; `owes` tells whether it was.
        """
        link = self.links.find(person, server)
        if link is None:
            return False
        self.record(
            EventTag.LINKED_ACCOUNT_REMOVED,
            by,
            about=person,
            detail={"server": server},
        )
        with self._ending([link]) as ended:
            gone = self._kept(by, person, lambda: self.links.remove(person, server))
        self._give_back(ended)
        return gone

    def forget(self, person: str, *, by: By, at_once: bool = True) -> int:
        """Forget *person* on every server, because they leave.

        Their tokens are given back: *at_once*, or by the next `give_back`, where nobody
        may wait for music servers.
        """
        links = self.links.of(person)
        if not links:
            return 0
        self.record(EventTag.LINKED_ACCOUNT_REMOVED, by, about=person)
        with self._ending(links) as ended:
            count = self._kept(by, person, lambda: self.links.forget(person))
        if at_once:
            self._give_back(ended)
        return count

    def owes(self, person: str, server: str) -> bool:
        """Return whether a token of *person* is still to be given back to *server*."""
        return any(
            (ended.person, ended.server) == (person, server)
            for ended in self.links.ended(limit=_BATCH)
        )

    def give_back(self) -> None:
        """Give back the tokens of links that are over. Called in the background.

        What a server does not answer to is kept, sealed, and tried again for a week.
        """
        self._give_back(self.links.ended(limit=_BATCH))

    def of(self, person: str) -> Mapping[str, Link]:
        """Return what is kept of *person*, by server.

        What somebody linked who had the name before is forgotten instead.
        """
        kept = self.links.of(person)
        if not kept:
            return {}
        standing = self._standing(person)
        since = standing.since
        if any(
            (link.known and not standing.known) or (since and link.linked < since)
            for link in kept
        ):
            self.forget(person, by=By(name=""), at_once=False)
            return {}
        return {link.server: link for link in kept}

    def check(self, link: Link) -> Link:
        """Sign in to the account of *link*, and note how it was found.

        Raises:
            LookupError: if the server is not listed any more.
            SealError: if the credential cannot be opened.
        """
        music = self.server(link.server)
        if link.mode is not Mode.OWN:
            return link
        credential = self._opened(link)
        fault = None
        try:
            music.check(credential)
        except MusicFault as error:
            fault = error.fault
        noted = self.links.note(link, fault=fault, checked=self._clock())
        if noted is None:
            return self.links.find(link.person, link.server) or link
        if fault is not link.fault:
            self.record(
                EventTag.LINKED_ACCOUNT_CHECKED,
                By(name=""),
                about=link.person,
                reason=str(fault or "works"),
                detail={"server": link.server},
            )
        return noted

    def look_at(self, music: MusicServer) -> About | Fault:
        """Ask *music* what it is, and remember what it said."""
        try:
            found: About | Fault = music.about()
        except MusicFault as error:
            found = error.fault
        self.known[music.listed.id] = found
        return found

    def proofs(self, music: MusicServer) -> Sequence[Proof]:
        """Return what to offer to people, the best first.

        No API key, if there is another way and the server is known to list none.
        """
        proofs = music.capabilities.proofs
        known = self.known.get(music.listed.id)
        if isinstance(known, About) and known.takes_keys is False:
            return [proof for proof in proofs if proof is not Proof.API_KEY] or proofs
        return proofs

    def tend(self, *, age: timedelta) -> None:
        """Do what is due, in the background: give tokens back, look at accounts."""
        for music in self.servers.values():
            if len(music.capabilities.proofs) > 1:
                self.look_at(music)
        self.give_back()
        self.check_due(age=age)

    def check_due(self, *, age: timedelta) -> int:
        """Check the accounts not looked at for *age*; return how many were.

        Those whose server is not listed, or that do not open, are left as they are. A
        server that does not answer is asked once, for all of them; one that stops
        everybody after some wrong keys is not shown so many.
        """
        count = 0
        wrong: Counter[str] = Counter()
        away: dict[str, Fault] = {}
        for link in self.links.due(self._clock() - age, limit=_BATCH):
            if self._heard_enough(link.server, wrong[link.server]):
                continue  # it stays due
            count += 1
            if link.server in away:
                fault = away[link.server]
                self.links.note(link, fault=fault, checked=self._clock())
                continue
            try:
                if link.server not in self.of(link.person):
                    continue
                found = self.check(link).fault
            except (LookupError, SealError):
                # Not looked at again before its time comes round.
                self.links.note(link, fault=link.fault, checked=self._clock())
                continue
            wrong[link.server] += found is Fault.WRONG_PASSWORD
            if found in PASSING:
                away[link.server] = found
        return count

    def _heard_enough(self, server: str, wrong: int) -> bool:
        music = self.servers.get(server)
        most = None if music is None else music.capabilities.wrong_in_a_row
        # AudioMuse-AI or a person may show it another one meanwhile.
        return most is not None and wrong >= max(1, most - _SPARE)

    def acting(self, person: str) -> Mapping[str, Credential | Unusable | None]:
        """Return in which account *person* acts, by server.

        None stands for the account that AudioMuse-AI uses. `Unusable` stands for one
        that cannot be acted in; then nothing may be done in another one either.

        Raises:
            StoreError: if it cannot be found out.
        """
        kept = self.of(person)
        found: dict[str, Credential | Unusable | None] = {}
        for name, music in self.servers.items():
            link = kept.get(name)
            if link is not None and link.mode is Mode.OWN:
                found[name] = self._usable(link)
            elif link is not None or self.shared or not music.capabilities.has_accounts:
                found[name] = None
            else:
                found[name] = Unusable(
                    f"connect your account on `{name}` first: Your account, Music "
                    "accounts",
                    reason="not-connected",
                    server=name,
                )
        return found

    def set_private(
        self, person: str, server: str, *, private: bool, by: By
    ) -> Link | None:
        """Hide playlists made from now on from others, or do not; return the link.

        None, and nothing is changed, if there is no own account whose can be hidden.
        """
        link = self.links.find(person, server)
        music = self.servers.get(server)
        if (
            link is None
            or music is None
            or link.mode is not Mode.OWN
            or music.capabilities.privacy is not Privacy.CAN_BE_MADE
        ):
            return None
        changed = replace(link, private=private)
        self.record(
            EventTag.LINKED_ACCOUNT_ADDED,
            by,
            about=person,
            before=(_line(link),),
            after=(_line(changed),),
            detail={"server": server},
        )
        self._kept(by, person, lambda: self.links.put(changed))
        return changed

    def hide(self, person: str, server: str, playlist: str) -> None:
        """Hide a playlist of *person*'s account from others, if they asked for that.

        Raises:
            MusicFault: if the server does not do it.
            SealError: if the credential cannot be opened.
            LookupError: if the server is not listed any more.
            StoreError: if it cannot be found out.
        """
        link = self.links.find(person, server)
        if link is not None and link.mode is Mode.OWN and link.private:
            self.server(server).make_private(self._opened(link), playlist)

    def hides(self, person: str, server: str) -> bool:
        """Return whether *person* asked for their playlists there to be hidden."""
        link = self.links.find(person, server)
        return link is not None and link.private

    def rotate(self) -> Rotation:
        """Seal every credential with the newest key.

        Raises:
            NoKey: if there is none.
        """
        self.give_back()  # what is left of those opens with the old keys only
        resealed = current = 0
        lost: list[Link] = []
        for link in self.every():
            if link.mode is not Mode.OWN:
                continue
            if self._seal.is_current(link.sealed):
                current += 1
                continue
            try:
                values = self._seal.open(
                    link.sealed, person=link.person, server=link.server
                )
            except SealError:
                lost.append(link)
                continue
            sealed = self._seal.seal(
                {key: value.reveal() for key, value in values.items()},
                person=link.person,
                server=link.server,
            )
            resealed += self.links.reseal(link, sealed)
        return Rotation(resealed=resealed, current=current, lost=tuple(lost))

    def every(self, search: str = "") -> Iterator[Link]:
        """Yield all links whose person or account holds *search*."""
        start = 0
        while True:
            page = self.links.page(search=search, limit=_BATCH, offset=start)
            yield from page.links
            start += len(page.links)
            if not page.links or start >= page.total:
                return

    def _usable(self, link: Link) -> Credential | Unusable:
        if link.fault is Fault.WRONG_PASSWORD:
            return Unusable(
                f"your account on `{link.server}` does not work any more: "
                "enter its password or key again",
                reason=str(Fault.WRONG_PASSWORD),
                server=link.server,
            )
        try:
            return self._opened(link)
        except SealError:
            return Unusable(
                f"your account on `{link.server}` cannot be opened: connect it again, "
                "or ask whoever keeps AUTHZ_ENCRYPTION_KEY",
                reason="sealed",
                server=link.server,
            )

    def _sealed(self, person: str, server: str, credential: Credential) -> str:
        return self._seal.seal(
            {
                "account": credential.account,
                "account_id": credential.account_id,
                "secret": credential.secret.reveal(),
                "is_key": "yes" if credential.is_key else "",
                "is_plain": "yes" if credential.is_plain else "",
                "device": credential.device,
            },
            person=person,
            server=server,
        )

    def _opened(self, link: Link | Ended) -> Credential:
        values = self._seal.open(link.sealed, person=link.person, server=link.server)
        return Credential(
            account=values["account"].reveal(),
            account_id=values["account_id"].reveal(),
            secret=values["secret"],
            is_key=bool(values["is_key"]),
            # Older ones hold neither.
            is_plain=bool(values.get("is_plain")),
            device=values["device"].reveal() if "device" in values else "",
        )

    @contextmanager
    def _ending(self, links: Iterable[Link]) -> Iterator[Sequence[Ended]]:
        """Keep the tokens of *links* to be given back, if what is inside succeeds."""
        ended = [
            self.links.end(link, since=self._clock())
            for link in links
            if link.mode is Mode.OWN and self._signs_out(link.server)
        ]
        try:
            yield ended
        except BaseException:
            for one in ended:
                with suppress(StoreError):
                    self.links.settle(one)
            raise

    def _signs_out(self, server: str) -> bool:
        return server in self.servers and self.servers[server].capabilities.signs_out

    def _give_back(self, ended: Iterable[Ended]) -> None:
        away: set[str] = set()
        for one in ended:
            if one.server in away:
                continue
            if self._is_settled(one):
                with suppress(StoreError):  # then it is looked at once more
                    self.links.settle(one)
            else:
                away.add(one.server)

    def _is_settled(self, ended: Ended) -> bool:
        if ended.since < self._clock() - _GIVE_UP or not self._signs_out(ended.server):
            return True
        try:
            self.servers[ended.server].sign_out(self._opened(ended))
        except MusicFault as error:
            return error.fault not in PASSING
        except SealError:
            return True
        return True

    def _put(self, link: Link, by: By) -> None:
        self.record(
            EventTag.LINKED_ACCOUNT_ADDED,
            by,
            about=link.person,
            after=(_line(link),),
            detail={"server": link.server},
        )
        before = self.links.find(link.person, link.server)
        with self._ending([before] if before else []) as ended:
            self._kept(by, link.person, lambda: self.links.put(link))
        self._give_back(ended)

    def _kept(self, by: By, person: str, change: Callable[[], _T]) -> _T:
        try:
            return change()
        except StoreError:
            self.record(EventTag.LINKED_ACCOUNT_FAILED, by, about=person)
            raise

    def record(self, tag: EventTag, by: By, **fields: Any) -> None:
        """Write down what happened."""
        self._audit.record(
            AuditEvent(
                tag=tag,
                at=self._clock(),
                subject=by.name,
                peer=by.peer,
                client=by.client,
                **fields,
            )
        )


def _line(link: Link) -> str:
    """Return *link* as the audit log has it."""
    hidden = " hidden" if link.private else ""
    return f"{link.server} {link.mode} {link.account}".strip() + hidden


def checked(music: MusicServer, entered: Entered) -> Entered:
    """Return what was *entered* as *music* takes it.

    Raises:
        NotEntered: if something is missing, too long, or of a kind it does not take.
    """
    capabilities = music.capabilities
    if not capabilities.has_accounts:
        raise MusicFault(
            Fault.NO_ACCOUNTS,
            server=music.listed.id,
            kind=music.listed.kind.product,
        )
    if entered.proof not in capabilities.proofs:
        raise NotEntered(f"this server does not take this: {capabilities.hint}")
    account = unicodedata.normalize("NFC", entered.account.strip())
    is_password = entered.proof is Proof.PASSWORD
    if not account and (is_password or capabilities.key_needs_name):
        raise NotEntered("enter the name you have on the music server")
    if not entered.secret and not (is_password and capabilities.may_lack_password):
        raise NotEntered("enter the password or key")
    secret = entered.secret.reveal()
    fits = len(account) <= _MAX_ACCOUNT and len(secret) <= _MAX_SECRET
    # What cannot be written as UTF-8 cannot be sent; control characters split headers.
    if not fits or not account.isprintable() or not _can_be_sent(secret):
        del secret
        raise NotEntered("that is too long, or holds signs that cannot be sent")
    return replace(entered, account=account)


def _can_be_sent(secret: str) -> bool:
    return not any(
        sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in secret
    )


def is_person(name: str) -> bool:
    """Return whether the subject called *name* is a person."""
    return name.startswith(_PERSON) and name != _PERSON


def _check_person(person: str) -> None:
    if not is_person(person) or len(person) > _MAX_PERSON:
        raise NotAPerson(f"`{person[:80]}` is not a person: only `user:...` is")
