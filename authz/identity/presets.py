"""What well-known sign-in proxies send, one word each.

A preset is data, with its source; settings of the operator win over it.
"""

from dataclasses import dataclass, field
from typing import Final

from authz.identity.trusted_headers import HeaderNames


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtPreset:
    """The signed token of a proxy."""

    header: str
    #: What it is signed with, unless a shared secret is given (then HS256).
    algorithms: tuple[str, ...] = ("RS256",)
    #: `iss`, where every customer has the same.
    issuer: str | None = None
    #: What `iss` ends with, if it always does.
    issuer_ends: str = ""
    #: Where its keys are; `{issuer}` and `{audience_region}` are filled in.
    jwks_url: str | None = None
    #: Where each key is by its id, if there is no list of them.
    pem_url: str | None = None
    #: JMESPath expressions.
    subject: str = "sub"
    display_name: str | None = "name"
    groups: str | None = "groups"
    separator: str | None = None
    audience_claim: str = "aud"
    #: Whether `iss`, `exp` and the audience stand in the token's header.
    claims_in_header: bool = False
    #: Whether base64's `=` is left in.
    padded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What one proxy sends."""

    name: str
    #: Where it is documented.
    documented: str
    headers: HeaderNames | None = None
    jwt: JwtPreset | None = None
    #: Where it signs somebody out; `{issuer}` is filled in.
    sign_out: str | None = None
    #: What an operator has to know.
    note: str = field(default="")


_OIDC_JWT: Final = JwtPreset(
    header="Authorization", subject="preferred_username || email"
)

_ALL: Final = (
    Preset(
        name="authentik",
        documented="https://docs.goauthentik.io/add-secure-apps/providers/proxy/",
        headers=HeaderNames(
            user="X-authentik-username",
            groups="X-authentik-groups",
            display_name="X-authentik-name",
            others=(
                "X-authentik-email",
                "X-authentik-uid",
                "X-authentik-entitlements",
                "X-authentik-meta-jwks",
            ),
            separator="|",
        ),
        jwt=JwtPreset(
            header="X-authentik-jwt",
            issuer_ends="/",
            jwks_url="{issuer}jwks/",
            subject="preferred_username",
        ),
        sign_out="/outpost.goauthentik.io/sign_out",
        note="Without a signing key its tokens are signed with the client secret "
        "(HS256): set `AUTHZ_JWT_SECRET`. The issuer ends with a slash.",
    ),
    Preset(
        name="authelia",
        documented="https://www.authelia.com/integration/trusted-header-sso/introduction/",
        headers=HeaderNames(
            user="Remote-User",
            groups="Remote-Groups",
            display_name="Remote-Name",
            others=("Remote-Email",),
        ),
        note="It signs nothing, so only plain headers.",
    ),
    Preset(
        name="oauth2-proxy",
        documented="https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview",
        headers=HeaderNames(
            user="X-Forwarded-Preferred-Username",
            groups="X-Forwarded-Groups",
            others=(
                "X-Forwarded-User",
                "X-Forwarded-Email",
                "X-Forwarded-Access-Token",
            ),
        ),
        jwt=_OIDC_JWT,
        sign_out="/oauth2/sign_out",
        note="As reverse proxy. The token is the provider's: set the address of its "
        "keys, and `--pass-authorization-header`.",
    ),
    Preset(
        name="oauth2-proxy-auth-request",
        documented="https://oauth2-proxy.github.io/oauth2-proxy/configuration/overview",
        headers=HeaderNames(
            user="X-Auth-Request-Preferred-Username",
            groups="X-Auth-Request-Groups",
            others=(
                "X-Auth-Request-User",
                "X-Auth-Request-Email",
                "X-Auth-Request-Access-Token",
            ),
        ),
        jwt=_OIDC_JWT,
        sign_out="/oauth2/sign_out",
        note="Behind nginx's `auth_request`, with `--set-xauthrequest`, or "
        "`--set-authorization-header` for the token.",
    ),
    Preset(
        name="cloudflare-access",
        documented="https://developers.cloudflare.com/cloudflare-one/access-controls/"
        "applications/http-apps/authorization-cookie/validating-json/",
        jwt=JwtPreset(
            header="Cf-Access-Jwt-Assertion",
            jwks_url="{issuer}/cdn-cgi/access/certs",
            # A service token has no `email` and an empty `sub`.
            subject="email || common_name",
            display_name=None,
            groups="custom.groups",
        ),
        sign_out="/cdn-cgi/access/logout",
        note="The issuer is `https://<team>.cloudflareaccess.com`, the audience the "
        "application's AUD tag. Groups come only as a custom claim. A service token is "
        "`user:cloudflare-access/<its client id>`.",
    ),
    Preset(
        name="google-iap",
        documented="https://cloud.google.com/iap/docs/signed-headers-howto",
        jwt=JwtPreset(
            header="X-Goog-Iap-Jwt-Assertion",
            algorithms=("ES256",),
            issuer="https://cloud.google.com/iap",
            jwks_url="https://www.gstatic.com/iap/verify/public_key-jwk",
            subject="email",
            display_name=None,
            groups=None,
        ),
        sign_out="/?gcp-iap-mode=CLEAR_LOGIN_COOKIE",
        note="The audience is `/projects/<number>/...`. It names no groups: grant "
        "roles to `user:google-iap/<email>`.",
    ),
    Preset(
        name="aws-alb",
        documented="https://docs.aws.amazon.com/elasticloadbalancing/latest/application/"
        "listener-authenticate-users.html",
        jwt=JwtPreset(
            header="X-Amzn-Oidc-Data",
            algorithms=("ES256",),
            pem_url="https://public-keys.auth.elb.{audience_region}.amazonaws.com/",
            subject="email",
            audience_claim="signer",
            claims_in_header=True,
            padded=True,
        ),
        note="The audience is the ARN of the load balancer, the issuer the provider "
        "behind it. Each new key costs one refused request.",
    ),
    Preset(
        name="pomerium",
        documented="https://www.pomerium.com/docs/capabilities/getting-users-identity",
        jwt=JwtPreset(
            header="X-Pomerium-Jwt-Assertion",
            algorithms=("ES256",),
            jwks_url="https://{issuer}/.well-known/pomerium/jwks.json",
            subject="email",
        ),
        sign_out="/.pomerium/sign_out",
        note="Issuer and audience are the host of the app, without `https://`.",
    ),
    Preset(
        name="tailscale",
        documented="https://tailscale.com/kb/1312/serve#identity-headers",
        headers=HeaderNames(
            user="Tailscale-User-Login",
            display_name="Tailscale-User-Name",
            others=("Tailscale-User-Profile-Pic",),
        ),
        note="`tailscale serve` runs beside the app: trust `127.0.0.1`, and let nobody "
        "else on that machine reach the app. It names no groups.",
    ),
    Preset(
        name="keycloak",
        documented="https://www.keycloak.org/securing-apps/oidc-layers",
        jwt=JwtPreset(
            header="Authorization",
            jwks_url="{issuer}/protocol/openid-connect/certs",
            subject="preferred_username",
            groups="realm_access.roles",
        ),
        sign_out="{issuer}/protocol/openid-connect/logout",
        note="The issuer is `https://<host>/realms/<realm>`. Add an audience mapper, "
        "or the token does not name this app.",
    ),
    Preset(
        name="teleport",
        documented="https://goteleport.com/docs/enroll-resources/application-access/"
        "jwt/introduction/",
        jwt=JwtPreset(
            header="Teleport-Jwt-Assertion",
            algorithms=("ES256", "RS256"),
            display_name="username",
            groups="roles",
        ),
        sign_out="/teleport-logout",
        note="The issuer is the cluster's name, the audience the app's `uri`; set the "
        "address of the keys: `https://<proxy>/.well-known/jwks.json`.",
    ),
)

#: Each preset by its word.
PRESETS: Final = {preset.name: preset for preset in _ALL}
