"""Tokens that must get nobody in, whatever the key.

From RFC 8725, and from what was seen in the wild. Each attack is made for an honest
`Signer`: the attacker knows its public key and one honest token, and in many of them
has even got the issuer to sign what they like.
"""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from authz.identity.why import Why
from tests.minting import ISSUER, NOW, Signer, as_json, b64, claims, signer

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@dataclass(frozen=True)
class Attack:
    """A token, and the reason with which it must be refused; None: any reason."""

    name: str
    token: str
    why: Why | None = None


def attacks(honest: Signer) -> Iterator[Attack]:
    """Yield every attack on a source that believes *honest*."""
    yield from _algorithms(honest)
    yield from _keys(honest)
    yield from _headers(honest)
    yield from _forms(honest)
    yield from _json(honest)
    yield from _claims(honest)
    yield from _times(honest)
    yield from _names(honest)


def header(honest: Signer, **changes: Any) -> dict[str, Any]:
    """Return an honest header with *changes*; `...` leaves a member out."""
    members = {"alg": honest.algorithm, "typ": "JWT", "kid": honest.kid} | changes
    if honest.kid is None and "kid" not in changes:
        del members["kid"]
    return {name: value for name, value in members.items() if value is not ...}


def unsigned(head: Any, payload: Any, signature: str = "") -> str:
    """Return a token with any signature."""
    return f"{b64(as_json(head))}.{b64(as_json(payload))}.{signature}"


def _algorithms(honest: Signer) -> Iterator[Attack]:
    payload = claims(preferred_username="admin")
    signature = honest.token().rpartition(".")[2]
    wrong: list[Any] = [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256 ",
        "RS256\n",
        "hs256",
    ]
    wrong += [None, 0, True, [], [honest.algorithm], {"alg": honest.algorithm}]
    wrong += ["RS1", "HS1", "ES256K", "A128KW", "dir", "RSA-OAEP", "Ed25519", "PS256 "]
    for algorithm in wrong:
        for end in ("", signature):
            yield Attack(
                f"alg {algorithm!r}{' with a signature' * bool(end)}",
                unsigned(header(honest, alg=algorithm), payload, end),
                Why.WRONG_ALGORITHM,
            )
    yield Attack(
        "no alg", unsigned(header(honest, alg=...), payload), Why.WRONG_ALGORITHM
    )
    for other in ("HS256", "HS384", "RS256", "PS256", "ES256", "ES384", "EdDSA"):
        if other != honest.algorithm:
            foreign = signer(other, 7)
            yield Attack(
                f"another algorithm, {other}",
                foreign.token(payload, header(honest, alg=other)),
                Why.WRONG_ALGORITHM,
            )


def _keys(honest: Signer) -> Iterator[Attack]:
    payload = claims(preferred_username="admin")
    if not honest.algorithm.startswith("HS"):
        jwk = json.dumps(honest.jwk()).encode()
        for what, secret in (
            ("the public key in PEM", honest.pem),
            ("the PEM without its last newline", honest.pem.strip()),
            ("the JWK as JSON", jwk),
            ("the key's id", str(honest.kid).encode()),
            ("nothing", b""),
            ("one zero", b"\0"),
        ):
            head = header(honest, alg="HS256")
            message = f"{b64(as_json(head))}.{b64(as_json(payload))}".encode()
            mac = hmac.new(secret, message, sha256).digest()
            yield Attack(
                f"HS256 with {what} as secret",
                f"{message.decode()}.{b64(mac)}",
                Why.WRONG_ALGORITHM,
            )
    stranger = signer(honest.algorithm, 2)
    if honest.algorithm.startswith("HS"):
        stranger = Signer(honest.algorithm, b"x" * 64, kid=None)
        for secret in (b"", b"\0", b"secret", b"changeme", b"x" * 32):
            guessed = Signer(honest.algorithm, secret, kid=None)
            yield Attack(f"the secret {secret!r}", guessed.token(), Why.BAD_SIGNATURE)
    yield Attack(
        "another's key under the known id",
        stranger.token(payload, header(honest)),
        Why.BAD_SIGNATURE,
    )
    size = len(honest.sign(b"x"))
    for what, raw in (
        ("empty", b""),
        ("of zeros (CVE-2022-21449)", bytes(size)),
        ("of ones", b"\xff" * size),
        ("cut short", honest.sign(b"x")[:-1]),
        ("too long", honest.sign(b"x") + b"\0"),
        ("of something else", honest.sign(b"x")),
    ):
        yield Attack(
            f"a signature {what}",
            unsigned(header(honest), claims(), b64(raw)),
            Why.BAD_SIGNATURE,
        )
    head, body, tail = honest.token().split(".")
    forged = b64(as_json(payload))
    yield Attack("another payload", f"{head}.{forged}.{tail}", Why.BAD_SIGNATURE)
    flipped = bytearray(urlsafe_b64decode(tail + "=="))
    flipped[0] ^= 1
    yield Attack(
        "one bit flipped", f"{head}.{body}.{b64(bytes(flipped))}", Why.BAD_SIGNATURE
    )
    yield Attack(
        "a header that was not signed",
        f"{b64(as_json(header(honest, x='y')))}.{body}.{tail}",
        Why.BAD_SIGNATURE,
    )


def _headers(honest: Signer) -> Iterator[Attack]:
    stranger = signer("RS256", 3)
    extra: dict[str, Any] = {
        "jwk": stranger.jwk(),
        "jku": "https://evil.test/jwks",
        "x5u": "file:///dev/null",
        "x5c": ["MIIB"],
        "zip": "DEF",
        "b64": False,
        "cty": "JWT",
        "enc": "A256GCM",
        "crit": ["b64"],
    }
    for name, value in extra.items():
        yield Attack(
            f"a header with {name}",
            honest.token(header=header(honest, **{name: value})),
            Why.HEADER_NOT_ALLOWED,
        )
    for crit in ([], ["exp"], "b64", [1], None):
        yield Attack(
            f"crit {crit!r}",
            honest.token(header=header(honest, crit=crit)),
            Why.HEADER_NOT_ALLOWED,
        )
    for typ in (
        "JWE",
        "JOSE",
        "dpop+jwt",
        "JWT ",
        "at+JWT\n",
        "",
        1,
        None,
        ["JWT"],
        "JWT\0",
    ):
        yield Attack(
            f"typ {typ!r}", honest.token(header=header(honest, typ=typ)), Why.WRONG_TYPE
        )
    for kid in (1, None, True, [], {}, ["key-1"], "", "k" * 257):
        yield Attack(
            f"kid {str(kid)[:20]!r}",
            honest.token(header=header(honest, kid=kid)),
            Why.MALFORMED_TOKEN,
        )
    if honest.kid is not None:
        for kid in (
            "../../../dev/null",
            "/dev/null",
            "' OR 1=1 --",
            "key-1'; DROP TABLE keys",
            "key-1\0",
            "KEY-1",
            "https://evil.test/key",
            "file:///etc/passwd",
            "\ud800",
            "key-2",
        ):
            yield Attack(
                f"kid {kid!r}",
                honest.token(header=header(honest, kid=kid)),
                Why.UNKNOWN_KEY,
            )
    yield Attack(
        "a long header",
        honest.token(header=header(honest, x="y" * 1100)),
        Why.TOO_LONG,
    )


def _forms(honest: Signer) -> Iterator[Attack]:
    good = honest.token()
    head, body, tail = good.split(".")
    last = tail[-1]
    twin = ALPHABET[ALPHABET.index(last) ^ 1]
    yield Attack("two tokens", f"{good}, {good}", Why.SEVERAL_VALUES)
    yield Attack("two tokens without a blank", f"{good},{good}", Why.SEVERAL_VALUES)
    yield Attack("a comma at the end", f"{good},", Why.SEVERAL_VALUES)
    yield Attack(
        "five parts", f"{head}.{body}.{tail}.{body}.{tail}", Why.ENCRYPTED_TOKEN
    )
    for what, token in {
        "one part": head,
        "two parts": f"{head}.{body}",
        "four parts": f"{good}.{tail}",
        "six parts": f"{good}.{good}",
        "dots": "..",
        "one dot": ".",
        "a blank": " ",
        "a word": "x",
        "an empty header": f".{body}.{tail}",
        "an empty payload": f"{head}..{tail}",
        "a blank before": f" {good}",
        "a newline behind": f"{good}\n",
        "a tab within": f"{head}.\t{body}.{tail}",
        "a NUL": f"{head}.{body}\0.{tail}",
        "a byte order mark": f"\u00ef\u00bb\u00bf{good}",
        "an accent": f"{good}\u00e9",
        "a character beyond Latin-1": f"{good}\u2028",
        "a lone surrogate": f"{good}\ud800",
        "padding": f"{head}=.{body}.{tail}",
        "padding of the signature": f"{good}=",
        "padding in plenty": f"{good}====",
        "plus and slash": f"{head}.{body}.{tail[:-4]}+/+/",
        "a percent": f"{head}%2E{body}.{tail}",
        "JSON serialisation": json.dumps(
            {"protected": head, "payload": body, "signature": tail}
        ).replace(",", " "),
        "a quoted token": f'"{good}"',
        "a Bearer token": f"Bearer {good}",
    }.items():
        yield Attack(what, token, Why.MALFORMED_TOKEN)
    if len(tail) % 4:
        yield Attack(
            "a last character with bits that mean nothing",
            f"{head}.{body}.{tail[:-1]}{twin}",
            Why.MALFORMED_TOKEN,
        )
    yield Attack("a long token", f"{good}{'A' * 16_384}", Why.TOO_LONG)
    yield Attack("a megabyte", "A" * 1_000_000, Why.TOO_LONG)
    yield Attack("a megabyte of dots", "." * 1_000_000, Why.TOO_LONG)
    standard = urlsafe_b64encode(as_json(header(honest, x="\u00ff\u00fe?>"))).decode()
    yield Attack(
        "padded as it comes", f"{standard}==.{body}.{tail}", Why.MALFORMED_TOKEN
    )


def _json(honest: Signer) -> Iterator[Attack]:
    head, payload = as_json(header(honest)), as_json(claims())
    for what, raw, why in (
        ("nothing", b"", Why.MALFORMED_TOKEN),
        ("no JSON", b"{", Why.MALFORMED_TOKEN),
        ("a list", b"[]", Why.MALFORMED_TOKEN),
        ("a text", b'"x"', Why.MALFORMED_TOKEN),
        ("null", b"null", Why.MALFORMED_TOKEN),
        ("a number", b"1", Why.MALFORMED_TOKEN),
        ("a byte order mark", b"\xef\xbb\xbf%s", Why.MALFORMED_TOKEN),
        ("bytes that are not UTF-8", b'{"a":"\xff"}', Why.MALFORMED_TOKEN),
        ("deep lists", b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}", None),
        ("a raw NUL", b'{"a":"\0"}', Why.MALFORMED_TOKEN),
        ("something behind it", b"%s{}", Why.MALFORMED_TOKEN),
        ("single quotes", b"{'a':1}", Why.MALFORMED_TOKEN),
        ("NaN", b'{"a":NaN}', Why.MALFORMED_TOKEN),
        ("Infinity", b'{"a":-Infinity}', Why.MALFORMED_TOKEN),
        ("a number beyond all", b'{"a":1e999}', Why.MALFORMED_TOKEN),
        ("5000 digits", b'{"a":' + b"9" * 5000 + b"}", None),
        ("a member twice", b'{"alg":"none","alg":"none"}', Why.DUPLICATE_MEMBER),
        ("a member twice within", b'{"a":{"b":1,"b":1}}', Why.DUPLICATE_MEMBER),
        ("a member twice, escaped", b'{"sub":1,"s\\u0075b":1}', Why.DUPLICATE_MEMBER),
    ):
        yield Attack(
            f"a payload: {what}", honest.join(head, raw.replace(b"%s", payload)), why
        )
        if len(raw) < 1000:
            yield Attack(
                f"a header: {what}", honest.join(raw.replace(b"%s", head), payload), why
            )
    for encoding in ("utf-16", "utf-16-le", "utf-32-be"):
        yield Attack(
            f"a payload in {encoding}",
            honest.join(head, payload.decode().encode(encoding)),
            Why.MALFORMED_TOKEN,
        )


def _claims(honest: Signer) -> Iterator[Attack]:
    def signed(why: Why | None, **changes: Any) -> Attack:
        return Attack(f"claims {str(changes)[:60]}", honest.token(**changes), why)

    for iss in (
        None, "", ISSUER.rstrip("/"), f"{ISSUER}x", ISSUER.upper(),
        ISSUER.replace("https", "http"),
        f" {ISSUER}", [ISSUER], {"iss": ISSUER}, 1, True, ISSUER[:-2], f"{ISSUER}\0",
    ):  # fmt: skip
        yield signed(Why.WRONG_ISSUER, iss=iss)
    for aud in (None, "", "other", "Music", "music ", "mus", "music2", [], ["other"]):
        yield signed(Why.WRONG_AUDIENCE, aud=aud)
    for aud in (1, True, {"music": 1}, ["music", 1], [["music"]], [None, "music"]):
        yield signed(Why.BAD_CLAIM, aud=aud)
    for sub in (1, True, [], {}, ["x"]):
        yield signed(Why.BAD_CLAIM, sub=sub)
    yield signed(Why.CLAIM_MISMATCH, azp="another-app")
    yield signed(Why.CLAIM_MISMATCH, azp=["music-client"])
    yield signed(Why.CLAIM_MISMATCH, azp=True)
    yield Attack(
        "azp missing",
        honest.token({n: v for n, v in claims().items() if n != "azp"}),
        Why.CLAIM_MISMATCH,
    )
    for groups in (1, True, {"admins": 1}):
        yield signed(Why.BAD_CLAIM, groups=groups)
    yield signed(Why.GROUPS_OVERAGE, _claim_names={"groups": "src1"})
    yield signed(Why.GROUPS_OVERAGE, groups=None, _claim_names={"groups": "src1"})
    yield signed(Why.GROUPS_OVERAGE, _claim_names=["groups"])
    yield signed(Why.GROUPS_OVERAGE, groups=None, hasgroups=True)
    yield signed(Why.TOO_MANY_GROUPS, groups=[f"g{n}" for n in range(513)])
    yield signed(Why.LDAP_NAME_CUT, groups=["CN=admins", "OU=Groups", "DC=example"])


def _times(honest: Signer) -> Iterator[Attack]:
    def signed(why: Why | None, **changes: Any) -> Attack:
        return Attack(f"times {changes}"[:60], honest.token(**changes), why)

    yield signed(Why.NO_EXPIRY, exp=None)
    yield signed(Why.EXPIRED, exp=NOW - 31, iat=NOW - 3600)
    yield signed(Why.EXPIRED, exp=0, iat=None)
    yield signed(Why.EXPIRED, exp=NOW - 30.5, iat=NOW - 3600)
    yield signed(Why.NOT_YET_VALID, iat=NOW + 31)
    yield signed(Why.NOT_YET_VALID, nbf=NOW + 31)
    yield signed(Why.BAD_CLAIM, iat=NOW + 20, exp=NOW + 10)
    yield signed(Why.BAD_CLAIM, nbf=NOW, exp=NOW)
    yield signed(Why.LIVES_TOO_LONG, iat=NOW - 86_400 * 365 * 30)
    yield signed(Why.LIVES_TOO_LONG, exp=253_402_300_799)
    yield signed(Why.LIVES_TOO_LONG, exp=NOW + 86_400 * 32, iat=None)
    for wrong in (
        str(NOW + 60), "never", True, False, [NOW + 60], {"exp": NOW}, -1, 1e300,
        10**4000, "",
    ):  # fmt: skip
        yield signed(Why.BAD_CLAIM, exp=wrong)
    for name in ("iat", "nbf"):
        for wrong in (str(NOW), True, [], {}, -5, 10**400, 1e200):
            yield signed(Why.BAD_CLAIM, **{name: wrong})
    yield Attack("exp null", honest.token(claims() | {"exp": None}), Why.BAD_CLAIM)
    yield Attack("iat null", honest.token(claims() | {"iat": None}), Why.BAD_CLAIM)


def _names(honest: Signer) -> Iterator[Attack]:
    def signed(why: Why, name: Any) -> Attack:
        return Attack(
            f"name {str(name)[:30]!r} of {len(str(name))}",
            honest.token(preferred_username=name),
            why,
        )

    for name in (
        None, "", " ", "bob ", " bob", "bo  b", "b\0b", "bob\n", "\r", "b\tb", "\x7f",
        "b\u202eob", "\u200bbob", "\ufeffbob", "\u2028", "\ud800", "\U000e0041", "b*b",
        "*", "x/y", "../admin", "{http.auth.user}", "{{name}}", "}", 'a"', "a\\b",
        "n" * 201, "n" * 5000, "Jose\u0301",
    ):  # fmt: skip
        yield signed(Why.NAME_NOT_ALLOWED, name)
    for name in (1, True, ["bob"], {"name": "bob"}, 1.5):
        yield signed(Why.BAD_CLAIM, name)
