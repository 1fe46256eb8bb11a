"""The settings of forward-auth, with what the reference says of them."""

from typing import Final

from authz.settings.setting import Setting

FORWARD_SETTINGS: Final = (
    Setting(
        name="AUTHZ_FORWARD_PORTAL",
        help="For `authz serve`: its own address as browsers see it, for example "
        "`https://auth.home.example`. People sign in there.",
        default="none",
    ),
    Setting(
        name="AUTHZ_FORWARD_PEERS",
        help="Addresses or networks of the proxies that may ask `authz serve`, "
        "separated by commas; `unix:` for a Unix socket.",
        default="none",
    ),
    Setting(
        name="AUTHZ_FORWARD_HOSTS",
        help="The hosts that `authz serve` decides for, one a line: the address as "
        "browsers see it, the audience of its tokens and a title, "
        "`https://grafana.home.example grafana Dashboards`. Without an audience it is "
        "the address.",
        default="none",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_FORWARD_KEYS",
        help="Private keys in PEM (Ed25519, or RSA) that sign who asks for the apps "
        "behind `authz serve`. The first signs, all are published at "
        "`/authz/jwks.json`. Without, apps get plain headers only.",
        default="none",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_FORWARD_SEAL",
        help="In place of AUTHZ_FORWARD_KEYS: a secret from `authz secrets "
        "generate-key`. `authz serve` then makes the keys itself, keeps them in "
        "AUTHZ_STORE, sealed with it, and changes them every 30 days; all processes "
        "share them. Several secrets, newest first, separated by commas or line ends.",
        default="none",
        from_file=True,
    ),
)
