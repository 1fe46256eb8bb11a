"""Signing keys that processes share: kept in a store, sealed, each with its time.

What a key signs from is decided when it is made, and later than apps need to fetch it,
so all processes change at one moment, without asking each other. The time is inside the
seal too, so that nobody who can write into the store brings an old key back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final, Protocol

from authz.errors import InvalidValue, StoreError
from authz.identity.assertions import (
    LIFETIME,
    SigningKey,
    new_signing_key,
    read_signing_keys,
)
from authz.identity.sealing import Seal, read_secrets

#: Seconds from when a key is published until it signs: apps keep keys for five minutes,
#: and clocks differ.
LEAD: Final = 10 * 60
#: Seconds that a key is published after its last signature, which holds for a minute.
LINGERS: Final = LIFETIME + 10 * 60
#: Seconds that a key signs before the next one is made.
SIGNS_FOR: Final = 30 * 24 * 3600
_FORMAT: Final = 1
_SEAL: Final = "AUTHZ_FORWARD_SEAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKey:
    """A signing key as it lies in a store."""

    kid: str
    #: When it begins to sign, in seconds since 1970.
    signs_from: int
    sealed: str

    @property
    def signs_from_text(self) -> str:
        """When it begins to sign, as people are told (ISO 8601, UTC)."""
        return datetime.fromtimestamp(self.signs_from, UTC).isoformat()


#: Is called with what is kept and returns what shall be; may be called more than once.
Edit = Callable[[Sequence[KeptKey]], Sequence[KeptKey]]


class SigningKeyStore(Protocol):
    """Where signing keys are kept."""

    def all(self) -> Sequence[KeptKey]:
        """Return every key, in the order in which they sign. Raises `StoreError`."""
        ...

    def change(
        self,
        edit: Edit,
        *,
        before_commit: Callable[[Sequence[KeptKey]], object],
    ) -> Sequence[KeptKey]:
        """Keep what *edit* makes of what is kept, alone; return it.

        *before_commit* is called with the keys that are new, if there are any.

        Raises:
            StoreError: if it cannot be written; nothing has changed then.
        """
        ...


class KeySeal:
    """Seals and opens signing keys."""

    def __init__(self, seal: Seal) -> None:
        self._seal = seal

    def new(self, signs_from: int) -> KeptKey:
        """Return a new key that signs from then on, sealed."""
        pem = new_signing_key()
        (key,) = read_signing_keys(pem)
        payload = {"v": _FORMAT, "pem": pem, "signs_from": signs_from}
        return KeptKey(
            kid=key.kid, signs_from=signs_from, sealed=self._seal.seal(payload)
        )

    def open(self, kept: KeptKey) -> SigningKey:
        """Return the key that is sealed in *kept*.

        Raises:
            StoreError: if no secret opens it, or it is not what it is called.
        """
        payload = self._seal.open(kept.sealed)
        if payload is None:
            raise StoreError(
                f"{_SEAL}: it does not open the signing key `{kept.kid}` in the store: "
                "add the secret that sealed it behind the new one, or begin anew with "
                "`authz secrets rotate-signing-key --at-once`"
            )
        (key,) = read_signing_keys(payload["pem"])
        if (payload["v"], payload["signs_from"], key.kid) != (
            _FORMAT,
            kept.signs_from,
            kept.kid,
        ):
            raise StoreError(
                f"the signing key `{kept.kid}` in the store is not what was sealed: "
                "somebody changed the database; begin anew with "
                "`authz secrets rotate-signing-key --at-once`"
            )
        return key


def read_seal(text: str) -> KeySeal:
    """Return the seal of the secrets in *text*, between commas or blanks.

    Raises:
        InvalidValue: if one is none; the message never holds one.
    """
    secrets = read_secrets(text)
    if not secrets:
        raise InvalidValue(
            "there is no key in it", "make one with `authz secrets generate-key`"
        )
    return KeySeal(Seal(secrets))


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys that were opened, in the order in which they sign."""

    keys: tuple[tuple[int, SigningKey], ...]

    def signing(self, now: int) -> SigningKey:
        """Return what signs at *now*; if all begin later, a clock is behind."""
        begun = [key for signs_from, key in self.keys if signs_from <= now]
        return begun[-1] if begun else self.keys[0][1]

    def published(self, now: int) -> tuple[SigningKey, ...]:
        """Return what apps may meet from *now* on."""
        return tuple(
            key
            for (_, key), ends in zip(self.keys, _ends(self.keys), strict=True)
            if ends is None or now < ends
        )


def _ends(keys: Sequence[tuple[int, object]]) -> list[int | None]:
    """Return when each key is over; the last one never is."""
    return [then + LINGERS for _, (then, _) in pairwise(keys)] + [None] * bool(keys)


def scheduled(
    kept: Sequence[KeptKey], now: int, new: Callable[[int], KeptKey]
) -> Sequence[KeptKey]:
    """Return what should be kept at *now* of *kept*, with a *new* one if it is time."""
    lasting = _lasting(kept, now)
    if not lasting:
        return (new(now),)
    if lasting[-1].signs_from + SIGNS_FOR <= now:
        return (*lasting, new(now + LEAD))
    return lasting


def rotated(
    kept: Sequence[KeptKey],
    now: int,
    new: Callable[[int], KeptKey],
    *,
    at_once: bool = False,
) -> Sequence[KeptKey]:
    """Return *kept* with a *new* key, unless one is about to sign already.

    *at_once*: a new one and nothing else.
    """
    if at_once:
        return (new(now),)
    lasting = _lasting(kept, now)
    if lasting and lasting[-1].signs_from > now:
        return lasting
    return (*lasting, new(now + LEAD if lasting else now))


def _lasting(kept: Sequence[KeptKey], now: int) -> tuple[KeptKey, ...]:
    ends = _ends([(key.signs_from, key) for key in kept])
    return tuple(
        key for key, end in zip(kept, ends, strict=True) if end is None or now < end
    )


class KeptKeys:
    """The keys of a store, as this process knows them. Asking is no I/O."""

    def __init__(
        self,
        store: SigningKeyStore,
        seal: KeySeal,
        *,
        clock: Callable[[], int],
        tell: Callable[[Sequence[KeptKey]], object],
    ) -> None:
        """Read them, and make the first if there is none.

        Args:
            store: Where they are.
            seal: What they are sealed with.
            clock: Says how many seconds have passed since 1970.
            tell: Is told of keys that are made, before they are kept.

        Raises:
            StoreError: if they cannot be read, made or opened.
        """
        self._store = store
        self._seal = seal
        self._clock = clock
        self._tell = tell
        self._known: Sequence[KeptKey] = ()
        self._ring = KeyRing(())
        self.refresh()

    def refresh(self) -> None:
        """Look what is kept, and do what is due: in the background.

        Raises:
            StoreError: if it cannot be done; what is known stays.
        """
        now = self._clock()
        kept = self._store.all()
        if tuple(kept) != tuple(scheduled(kept, now, _due)):
            kept = self._store.change(
                lambda found: scheduled(found, now, self._seal.new),
                before_commit=self._tell,
            )
        if kept != self._known:
            opened = tuple((key.signs_from, self._seal.open(key)) for key in kept)
            self._ring, self._known = KeyRing(opened), kept

    def signing(self, now: int) -> SigningKey:
        """Return what signs at *now*."""
        return self._ring.signing(now)

    def published(self, now: int) -> tuple[SigningKey, ...]:
        """Return what apps may meet from *now* on."""
        return self._ring.published(now)


def _due(signs_from: int) -> KeptKey:
    """Stand for a key that is due, until somebody who may write makes it."""
    return KeptKey(kid="", signs_from=signs_from, sealed="")
