"""Every setting by name, with what the reference says of it."""

from typing import Final

from authz.settings.forward_table import FORWARD_SETTINGS
from authz.settings.identity_table import IDENTITY_SETTINGS
from authz.settings.setting import Setting

SETTINGS: Final = (
    Setting(
        name="AUTHZ_POLICY",
        help="The policy file, relative to the folder the app is started in.",
        default="policy.csv",
    ),
    Setting(
        name="AUTHZ_MODEL",
        help="A Casbin model file of your own; `model-scoped.conf`, where there is no "
        "such file, is the shipped one for rules with scopes.",
        default="the shipped model.conf",
    ),
    Setting(
        name="AUTHZ_SCOPES_FILE",
        help="Where requests name their scope, for an app that does not declare it "
        "itself: a table with lines such as "
        "`scope, /api/libraries/:id/*, *, library, path:id`.",
        default="none",
    ),
    Setting(
        name="AUTHZ_STORE",
        help="A database for rules, people, sessions and the audit log: "
        "`sqlite:///authz.db` (relative to the folder the app is started in; "
        "`sqlite:////srv/authz.db` is absolute), or "
        "`postgresql://user:password@host/name` for several replicas. With "
        "`AUTHZ_POLICY` set too, the rules stay in that file.",
        default="none",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_POLICY_SEED",
        help="The policy file that an empty database is filled with, once.",
        default="policy.csv, if it is there",
    ),
    Setting(
        name="AUTHZ_REVISIONS_KEPT",
        help="How many revisions of the policy the database keeps.",
        default="1000",
    ),
    Setting(
        name="AUTHZ_MAX_STALE",
        help="How long the last good policy serves while the database cannot be "
        "reached, in seconds. After that every request is answered with 503.",
        default="300",
    ),
    Setting(
        name="AUTHZ_REDIS_URL",
        help="A Redis server, `redis://host:6379/0`: makes changes known at once "
        "to all processes, and counts wrong passwords for them. Without it the "
        "database does both.",
        default="none",
        from_file=True,
    ),
    Setting(
        name="AUTHZ_ADMIN",
        help="The id of a local account that is given `role:admin`.",
        default="none",
        from_file=True,
        alias="ADMIN",
    ),
    Setting(
        name="AUTHZ_ADMIN_PASSWORD",
        help="Its password, or an argon2id hash from `authz hash-password`. "
        "Empty: the person comes only through a proxy.",
        default="empty",
        from_file=True,
        alias="ADMIN_PASSWORD",
    ),
    Setting(
        name="AUTHZ_USER",
        help="The id of a local account that is given `role:user`. The short name "
        "`USER` counts only together with `USER_PASSWORD`: every shell sets `USER`.",
        default="none",
        from_file=True,
        alias="USER",
    ),
    Setting(
        name="AUTHZ_USER_PASSWORD",
        help="Its password, as for the administrator.",
        default="empty",
        from_file=True,
        alias="USER_PASSWORD",
    ),
    Setting(
        name="AUTHZ_ACCOUNTS",
        help="Any number of further accounts, one a line: `id:role:password`. In a "
        "policy with scopes the role holds in all, or in those in brackets: "
        "`id:role[library:kids]:password`.",
        default="none",
        from_file=True,
    ),
    *IDENTITY_SETTINGS,
    *FORWARD_SETTINGS,
    Setting(
        name="AUTHZ_ANONYMOUS_ROLE",
        help="A role of the policy for people who have not signed in, for a public "
        "demo. Every unsafe method it opens is listed at start; `admin` is refused.",
        default="none",
    ),
    Setting(
        name="AUTHZ_API_PREFIXES",
        help="Paths below which every refusal is JSON, separated by commas.",
        default="/api",
    ),
    Setting(
        name="AUTHZ_LANDING",
        help="Where people go who may not open `/`, for example `/map`.",
        default="none",
    ),
    Setting(
        name="AUTHZ_URL_PREFIX",
        help="Where the sign-in pages are.",
        default="/authz",
    ),
    Setting(
        name="AUTHZ_CONTACT",
        help="Whom to ask for access; shown on the refusal page.",
        default="none",
    ),
    Setting(
        name="AUTHZ_ERROR_HANDLERS",
        help="`true`: the app's own error handlers (`@app.errorhandler(403)` and the "
        "like) render a refusal, for pages and JSON alike; those of authz's own pages "
        "and API are rendered by authz.",
        default="false",
    ),
    Setting(
        name="AUTHZ_TRUSTED_ORIGINS",
        help="Other origins whose pages may send unsafe requests, separated by commas.",
        default="none",
    ),
    Setting(
        name="AUTHZ_MOUNTS",
        help="Prefixes of other WSGI apps mounted beside this one that authz is not "
        "to guard, separated by commas. Others are behind the policy.",
        default="none",
    ),
    Setting(
        name="AUTHZ_COOKIE_NAME",
        help="What the names of the cookies begin with. Two copies of one app at one "
        "host and port need different names.",
        default="a name made of what the app is and of its port",
    ),
    Setting(
        name="AUTHZ_COOKIE_DOMAIN",
        help="Hosts in this domain share the sign-in, if they share `AUTHZ_STORE`: "
        "every "
        "host below it gets the session. A domain in which anybody can have a host "
        "(a public suffix) is refused. Needs the extra `cookie-domain`.",
        default="none: each host has its own",
    ),
    Setting(
        name="AUTHZ_COOKIE_SECURE",
        help="`true`: the session cookie travels over HTTPS only. "
        "`auto`: as the request came.",
        default="auto",
    ),
    Setting(
        name="AUTHZ_SESSION_HOURS",
        help="How long a sign-in lasts at most, in hours.",
        default="12",
    ),
    Setting(
        name="AUTHZ_SESSION_IDLE_MINUTES",
        help="How long it lasts without a request, in minutes.",
        default="120",
    ),
    Setting(
        name="AUTHZ_POLL_SECONDS",
        help="How often the policy file is looked at for changes, in seconds.",
        default="2",
    ),
    Setting(
        name="AUTHZ_AUDIT_ALLOWS",
        help="`true`: requests that were allowed are written to the audit log too.",
        default="false",
    ),
    Setting(
        name="AUTHZ_ADMIN_ENABLED",
        help="`false`: there are no admin pages and no admin API.",
        default="true",
    ),
    Setting(
        name="AUTHZ_POLICY_WRITABLE",
        help="`true`: administrators may change the policy file through the pages and "
        "the API. Otherwise they get the patch to commit.",
        default="false",
    ),
    Setting(
        name="AUTHZ_METRICS",
        help="`true`: metrics for Prometheus at `/authz/metrics`, for whom the policy "
        "allows it. Needs the extra `metrics`.",
        default="false",
    ),
    Setting(
        name="AUTHZ_AUTHZEN",
        help="`true`: programs with an API token ask the policy in the words of OpenID "
        "AuthZEN 1.0, at `/authz/access/v1/...`, as far as the policy lets them.",
        default="false",
    ),
    Setting(
        name="AUTHZ_AUTHZEN_PREFIX",
        help="What stands before `/access/v1`; `/` for nothing, as the standard has "
        "it.",
        default="AUTHZ_URL_PREFIX",
    ),
    Setting(
        name="AUTHZ_AUTHZEN_URL",
        help="What clients call this decision point, an `https://` URL, for its "
        "metadata: what stands before `/access/v1` as they see it.",
        default="the host that is asked, and the prefix",
    ),
    Setting(
        name="AUTHZ_AUTHZEN_TABLE",
        help="What types of subjects and resources mean, beside users and routes: a "
        "table with lines such as `action, record, read, GET, /records/:id`.",
        default="none",
    ),
    Setting(
        name="AUTHZ_AUDIT_FILE",
        help="A file for the audit log, beside the logger `authz.audit`: one chained "
        "record a line. All processes of a machine share it.",
        default="none",
    ),
    Setting(
        name="AUTHZ_AUDIT_MAX_MB",
        help="The size, in megabytes, at which a file of the audit log is full and the "
        "next begins.",
        default="50",
    ),
    Setting(
        name="AUTHZ_AUDIT_KEEP",
        help="How many full files of the audit log are kept.",
        default="20",
    ),
    Setting(
        name="AUTHZ_AUDIT_DAYS",
        help="How long the audit log in a database is kept, in days.",
        default="365",
    ),
    Setting(
        name="AUTHZ_AUDIT_SYNC",
        help="What is forced to the disk at once: `changes`, or `all` with decisions.",
        default="changes",
    ),
    Setting(
        name="AUTHZ_MODE",
        help="`report`: what the policy denies is written to the audit log as "
        "`decision:would-deny` and let through, but for the pages and the API of authz "
        "itself. To try a policy out; nobody is refused anything.",
        default="enforce",
    ),
    Setting(
        name="AUTHZ_SHADOW_POLICY",
        help="A candidate policy that is asked beside the one in force. It decides "
        "nothing; where it differs is counted and written to the audit log.",
        default="none",
    ),
)
