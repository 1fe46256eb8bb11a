"""Signals for the app to listen to. The sender is the Flask app."""

from typing import Final

from blinker import Namespace

_signals = Namespace()

#: A decision was made. `request`: the `AccessRequest`; `decision`: the `Decision`.
access_decided: Final = _signals.signal("access-decided")
#: A request was refused by the policy. `request` and `decision` as above.
access_denied: Final = _signals.signal("access-denied")
#: Somebody signed in or out here. `subject`: the `Subject`.
signed_in: Final = _signals.signal("signed-in")
signed_out: Final = _signals.signal("signed-out")
#: A sign-in failed. `peer`: the address at the other end of the socket.
sign_in_failed: Final = _signals.signal("sign-in-failed")
#: A new policy is in force. `revision`: its revision.
policy_reloaded: Final = _signals.signal("policy-reloaded")
#: A changed policy cannot be used; the old one stays. `problem`: what is wrong.
policy_refused: Final = _signals.signal("policy-refused")
