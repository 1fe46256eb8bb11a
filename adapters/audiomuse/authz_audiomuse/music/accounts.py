"""What is done with linked accounts: link, look at, check, forget, and act in them.

Pages, commands and the host's requests all go through here.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from authz.audit import AuditEvent, AuditSink, Clock, EventTag, utc_now
from authz.errors import AuthzError, StoreError
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.links import Link, LinkStore, Mode
from authz_audiomuse.music.port import Credential, Entered, MusicServer, Proof
from authz_audiomuse.music.sealing import NoKey, Seal, SealError

_T = TypeVar("_T")

#: A person is who the policy knows as one; a token is no person.
_PERSON: Final = "user:"
_MAX_PERSON: Final = 255
_MAX_ACCOUNT: Final = 200
_MAX_SECRET: Final = 1024
#: How many accounts are checked in one go, so that a restart loses little.
_BATCH: Final = 50


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

    @property
    def can_store(self) -> bool:
        """Whether there is a key to seal credentials with."""
        return bool(self._seal)

    def server(self, name: str) -> MusicServer:
        """Return the server with the id *name*. Raises `LookupError`."""
        if name not in self.servers:
            raise LookupError(f"`{name[:80]}` is not in AUTHZ_MUSIC_SERVERS")
        return self.servers[name]

    def link(self, person: str, server: str, entered: Entered, *, by: By) -> Link:
        """Sign in with what *person* *entered*, and keep the account.

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
            self._record(
                EventTag.LINKED_ACCOUNT_REFUSED,
                by,
                about=person,
                reason=str(error.fault),
                detail={"server": server},
            )
            raise
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
        )
        self._put(link, by)
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
        """Forget *person* on *server*; return whether anything was kept."""
        if self.links.find(person, server) is None:
            return False
        self._record(
            EventTag.LINKED_ACCOUNT_REMOVED,
            by,
            about=person,
            detail={"server": server},
        )
        return self._kept(by, person, lambda: self.links.remove(person, server))

    def forget(self, person: str, *, by: By) -> int:
        """Forget *person* on every server, because they leave."""
        if not self.links.of(person):
            return 0
        self._record(EventTag.LINKED_ACCOUNT_REMOVED, by, about=person)
        return self._kept(by, person, lambda: self.links.forget(person))

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
            self.forget(person, by=By(name=""))
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
            self._record(
                EventTag.LINKED_ACCOUNT_CHECKED,
                By(name=""),
                about=link.person,
                reason=str(fault or "works"),
                detail={"server": link.server},
            )
        return noted

    def check_due(self, *, age: timedelta) -> int:
        """Check the accounts not looked at for *age*; return how many were.

        Those whose server is not listed, or that do not open, are left as they are.
        """
        count = 0
        for link in self.links.due(self._clock() - age, limit=_BATCH):
            try:
                if link.server in self.of(link.person):
                    self.check(link)
            except (LookupError, SealError):
                # Not looked at again before its time comes round.
                self.links.note(link, fault=link.fault, checked=self._clock())
            count += 1
        return count

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
            elif link is not None or self.shared or not _has_accounts(music):
                found[name] = None
            else:
                found[name] = Unusable(
                    f"connect your account on `{name}` first",
                    reason="not-connected",
                    server=name,
                )
        return found

    def rotate(self) -> Rotation:
        """Seal every credential with the newest key.

        Raises:
            NoKey: if there is none.
        """
        resealed = current = 0
        lost: list[Link] = []
        for link in self._own():
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

    def record(self, tag: EventTag, by: By, **fields: Any) -> None:
        """Write down what happened."""
        self._record(tag, by, **fields)

    def _own(self) -> Iterable[Link]:
        start = 0
        while True:
            page = self.links.page(limit=_BATCH, offset=start)
            yield from (link for link in page.links if link.mode is Mode.OWN)
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
            },
            person=person,
            server=server,
        )

    def _opened(self, link: Link) -> Credential:
        values = self._seal.open(link.sealed, person=link.person, server=link.server)
        return Credential(
            account=values["account"].reveal(),
            account_id=values["account_id"].reveal(),
            secret=values["secret"],
            is_key=bool(values["is_key"]),
        )

    def _put(self, link: Link, by: By) -> None:
        self._record(
            EventTag.LINKED_ACCOUNT_ADDED,
            by,
            about=link.person,
            after=(f"{link.server} {link.mode} {link.account}".strip(),),
            detail={"server": link.server},
        )
        self._kept(by, link.person, lambda: self.links.put(link))

    def _kept(self, by: By, person: str, change: Callable[[], _T]) -> _T:
        try:
            return change()
        except StoreError:
            self._record(EventTag.LINKED_ACCOUNT_FAILED, by, about=person)
            raise

    def _record(self, tag: EventTag, by: By, **fields: Any) -> None:
        self._audit.record(
            AuditEvent(
                tag=tag, at=self._clock(), subject=by.name, peer=by.peer, **fields
            )
        )


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
    if entered.proof is Proof.PASSWORD and not account:
        raise NotEntered("enter the name you have on the music server")
    if not entered.secret:
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


def _has_accounts(music: MusicServer) -> bool:
    return music.capabilities.has_accounts
