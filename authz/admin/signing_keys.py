"""The keys that sign who asks, in the store: made, and changed by hand."""

from collections.abc import Sequence
from functools import partial

from authz.admin.context import Actor, AdminContext
from authz.audit import EventTag
from authz.errors import SettingsError
from authz.identity.kept_keys import KeptKey, rotated
from authz.runtime import Runtime


def rotate(
    context: AdminContext, actor: Actor, *, at_once: bool = False
) -> Sequence[KeptKey]:
    """Make a new key that signs in ten minutes, unless one is about to; return all.

    *at_once*: it signs now, and no other key is left.

    Raises:
        SettingsError: if no keys are kept in the store.
        StoreError: if the store or the audit log cannot be written.
    """
    runtime = context.runtime
    seal, database = runtime.settings.forward.seal, runtime.stores.database
    if seal is None or database is None:
        raise SettingsError.at(
            "AUTHZ_FORWARD_SEAL",
            "it is not set here, so no keys are kept in the store",
            "set it and AUTHZ_STORE as `authz serve` has them; the keys "
            "of AUTHZ_FORWARD_KEYS_FILE are changed in that file",
        )
    now = int(runtime.clock().timestamp())
    return database.signing_keys.change(
        lambda kept: rotated(kept, now, seal.new, at_once=at_once),
        before_commit=partial(note_new_keys, runtime, actor=actor.name),
    )


def note_new_keys(
    runtime: Runtime, keys: Sequence[KeptKey], *, actor: str = ""
) -> None:
    """Write down that *keys* were made; nobody's name is that of the schedule."""
    for key in keys:
        runtime.record(
            EventTag.SIGNING_KEY_ADDED,
            subject=actor,
            about=key.kid,
            after=(f"signs from {key.signs_from_text}",),
        )
