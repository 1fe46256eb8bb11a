"""Two pages: everybody's own music accounts, and for administrators all of them.

Nothing secret is ever sent back: not to whoever entered it, not to an administrator.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from flask import Blueprint, request, url_for
from markupsafe import Markup
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from authz import RequestFacts, Subject
from authz.integration.pages import (
    SIZE,
    AdminPages,
    Crumb,
    Group,
    Listing,
    MenuEntry,
    asked,
    asked_page,
    flash,
    render,
)
from authz_audiomuse.music.accounts import (
    By,
    MusicAccounts,
    NotAPerson,
    NotEntered,
    is_person,
)
from authz_audiomuse.music.faults import Fault, MusicFault
from authz_audiomuse.music.guessing import Guessing
from authz_audiomuse.music.links import Link, Mode
from authz_audiomuse.music.port import Entered, MusicServer, Privacy, Proof
from authz_audiomuse.music.sealing import SealError
from authz_audiomuse.music.secret import Secret

#: Faults as whoever entered something reads them.
WORDS: Final[Mapping[Fault, str]] = {
    Fault.WRONG_PASSWORD: "The server does not accept this name with this password or "
    "key.",
    Fault.UNREACHABLE: "The server does not answer. Try again later.",
    Fault.TLS: "The server cannot prove that it is the right one, so nothing was sent "
    "to it. Tell whoever runs this.",
    Fault.TOO_SLOW: "The server did not answer in time. Try again later.",
    Fault.UNAVAILABLE: "The server cannot answer now; it may be starting. Try again "
    "later.",
    Fault.THROTTLED: "The server takes no more attempts for the moment. Try again "
    "later.",
    Fault.OTHER_PRODUCT: "Something else answers at the server's address. Tell whoever "
    "runs this.",
    Fault.OTHER_PROOF: "The server takes something else to sign in with.",
    Fault.NONSENSE: "The server's answer makes no sense. Tell whoever runs this.",
    Fault.REFUSED: "The server refused. Your account there may not be allowed to do "
    "this.",
    Fault.FORBIDDEN_ADDRESS: "The server's address is not allowed. Tell whoever runs "
    "this.",
    Fault.NO_ACCOUNTS: "This server has no accounts. Playlists there are everybody's.",
}
#: The same in a few words, for a table.
SHORT: Final[Mapping[Fault, str]] = {
    Fault.WRONG_PASSWORD: "wrong password",
    Fault.UNREACHABLE: "not reachable",
    Fault.TLS: "certificate not valid",
    Fault.TOO_SLOW: "too slow",
    Fault.UNAVAILABLE: "not ready",
    Fault.THROTTLED: "too many attempts",
    Fault.OTHER_PRODUCT: "something else answers",
    Fault.OTHER_PROOF: "takes something else",
    Fault.NONSENSE: "answers nonsense",
    Fault.REFUSED: "refused",
    Fault.FORBIDDEN_ADDRESS: "forbidden address",
    Fault.NO_ACCOUNTS: "has no accounts",
}
_WAIT: Final = "Too many wrong passwords or keys. Wait {} seconds and try again."

flash.teach(
    {
        "music-linked": "The account {} is connected. Playlists go there from now on.",
        "music-unlinked": "The account was forgotten.",
        "music-hide": "Playlists that you make from now on are hidden from "
        "others there.",
        "music-show": "Others there see the playlists that you make from now on.",
        "music-wait": "Too many wrong passwords or keys. Wait {} seconds and try "
        "again.",
        "music-owed": "The account was forgotten. {} could not be told yet, so the "
        "sign-in stays good there for now; it is tried again for a week.",
        "music-shared": "{} may make playlists in the shared account.",
        "music-works": "The account {} works.",
        "music-fails": "The account {} does not work: see below.",
        "music-reachable": "{} answers.",
        "music-unreachable": "{} does not answer as it should: see below.",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One server as a person sees it."""

    id: str
    product: str
    hint: str
    proofs: tuple[Proof, ...]
    #: Whether a name is asked for, and whether something secret has to be.
    asks_name: bool
    needs_name: bool
    needs_secret: bool
    #: Whether playlists made there can be hidden from others.
    can_hide: bool
    #: The account of whoever looks, if there is one.
    link: Link | None
    #: What they entered that was refused; never anything secret.
    entered: Mapping[str, str]


class Pages:
    """The pages about music accounts of one app."""

    def __init__(
        self, pages: AdminPages, accounts: MusicAccounts, guessing: Guessing
    ) -> None:
        """Add the pages to *pages*' frame; `blueprint` is to be registered."""
        self._pages = pages
        self._accounts = accounts
        self._guessing = guessing
        self.blueprint = Blueprint(
            "authz_music",
            __name__,
            template_folder=str(Path(__file__).with_name("templates")),
            url_prefix=pages.runtime.settings.url_prefix,
        )
        pages.answer_errors_of(self.blueprint)
        add = self.blueprint.add_url_rule
        add("/account/music", "me", self.me, methods=["GET"])
        add("/account/music", "me_submit", self.me_submit, methods=["POST"])
        add("/music/", "index", self.index, methods=["GET"])
        add("/music/", "index_submit", self.index_submit, methods=["POST"])
        add("/music/link", "link", self.link, methods=["GET"])
        add("/music/link", "link_submit", self.link_submit, methods=["POST"])
        pages.menu.add(
            MenuEntry(
                label="Music",
                endpoint="authz_music.index",
                group=Group.WHO,
                icon="music",
            )
        )
        pages.menu.add(
            MenuEntry(
                label="Your music accounts", endpoint="authz_music.me", icon="music"
            )
        )
        pages.add_account_section(self._section)

    # Everybody's own.

    def me_submit(self) -> Response:
        """Connect, look at or forget one's own account on a server."""
        form = self._pages.form()
        person = self._pages.subject.name
        server = form.get("server", "")
        match form.get("do"):
            case "link":
                wrong = self._link(person, server, form)
                if wrong:
                    return self.me(wrong, server, form)
                account = self._accounts.of(person)[server].account
                return self._pages.go("authz_music.me", "music-linked", account)
            case "unlink":
                return self._unlink(person, server, "authz_music.me")
            case "check":
                return self._check(person, server, "authz_music.me")
            case "hide" | "show" as do:
                self._accounts.set_private(
                    person, server, private=do == "hide", by=self._by()
                )
                return self._pages.go("authz_music.me", f"music-{do}")
            case _:
                pass
        return self._pages.go("authz_music.me")

    def me(
        self,
        wrong: Mapping[str, str] | None = None,
        server: str = "",
        form: Mapping[str, str] | None = None,
    ) -> Response:
        """Show one's own accounts, and what was *wrong* in a *form* for *server*."""
        person = self._pages.subject.name
        kept = self._accounts.of(person) if is_person(person) else {}
        return self._pages.page(
            "authz_music/me.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
            errors=wrong or {},
            person=is_person(person),
            can_store=self._accounts.can_store,
            shared=self._accounts.shared,
            panels=[
                self._panel(music, kept.get(id_), form if id_ == server else None)
                for id_, music in self._accounts.servers.items()
            ],
            faults=WORDS,
            short=SHORT,
            action=url_for("authz_music.me_submit"),
            whom=None,
        )

    # For administrators.

    def index(self) -> Response:
        """Show every server and everybody's accounts."""
        search, page = asked("search"), asked_page()
        found = self._accounts.links.page(
            search=search, limit=SIZE, offset=(page - 1) * SIZE
        )
        return self._pages.page(
            "authz_music/index.html",
            can_store=self._accounts.can_store,
            shared=self._accounts.shared,
            servers=self._accounts.servers.values(),
            known=self._accounts.known,
            faults=SHORT,
            search=search,
            listing=Listing(rows=found.links, total=found.total, page=page),
        )

    def index_submit(self) -> Response:
        """Test a server, or look at, share or forget somebody's account."""
        form = self._pages.form()
        person, server = form.get("person", ""), form.get("server", "")
        here = "authz_music.index"
        match form.get("do"):
            case "test":
                return self._test(server)
            case "check":
                return self._check(person, server, here)
            case "unlink":
                return self._unlink(person, server, here)
            case "share" if server in self._accounts.servers and is_person(person):
                self._accounts.share(person, server, by=self._by())
                return self._pages.go(here, "music-shared", person)
            case _:
                pass
        return self._pages.go(here)

    def link(self) -> Response:
        """Show the form that connects somebody's account for them."""
        return self._link_form(asked("person"), asked("server"))

    def link_submit(self) -> Response:
        """Connect somebody's account for them."""
        form = self._pages.form()
        person, server = form.get("person", "").strip(), form.get("server", "")
        if person and ":" not in person:
            person = f"user:{person}"
        if form.get("do") == "share":
            return self.index_submit()
        wrong = self._link(person, server, form)
        if wrong:
            return self._link_form(person, server, wrong, form)
        account = self._accounts.of(person)[server].account
        return self._pages.go("authz_music.index", "music-linked", account)

    def _link_form(
        self,
        person: str,
        server: str,
        wrong: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        return self._pages.page(
            "authz_music/link.html",
            status=HTTPStatus.UNPROCESSABLE_ENTITY if wrong else HTTPStatus.OK,
            crumbs=[Crumb(label="Music", url=url_for("authz_music.index"))],
            errors=wrong or {},
            can_store=self._accounts.can_store,
            whom=person,
            panels=[
                self._panel(music, None, form if id_ == server else None)
                for id_, music in self._accounts.servers.items()
                if music.capabilities.has_accounts and server in {"", id_}
            ],
            action=url_for("authz_music.link_submit"),
        )

    # Shared by both.

    def _link(
        self, person: str, server: str, form: MultiDict[str, str]
    ) -> Mapping[str, str]:
        """Connect an account; return what is wrong, by the field's id."""
        if server not in self._accounts.servers:
            return {"": "There is no such server."}
        client = self._client()
        music = self._accounts.servers[server]
        wait = self._guessing.wait(person, music, client)
        if wait:
            return {f"secret-{server}": _WAIT.format(wait)}
        try:
            self._accounts.link(
                person,
                server,
                _entered(form),
                by=self._by(),
                private=bool(form.get("private")),
            )
        except NotAPerson:
            return {f"person-{server}": "Only people have music accounts."}
        except NotEntered as error:
            return {f"secret-{server}": f"{str(error)[:1].upper()}{str(error)[1:]}."}
        except SealError:
            return {"": "Accounts cannot be kept: there is no AUTHZ_ENCRYPTION_KEY."}
        except MusicFault as error:
            if error.fault is Fault.WRONG_PASSWORD:
                self._guessing.failed(person, music, client)
            return {f"secret-{server}": _words(error)}
        return {}

    def _unlink(self, person: str, server: str, back: str) -> Response:
        self._accounts.unlink(person, server, by=self._by())
        if self._accounts.owes(person, server):
            return self._pages.go(back, "music-owed", server)
        return self._pages.go(back, "music-unlinked")

    def _check(self, person: str, server: str, back: str) -> Response:
        link = self._accounts.of(person).get(server)
        if link is None or link.mode is not Mode.OWN:
            return self._pages.go(back)
        music = self._accounts.servers.get(server)
        client = self._client()
        # A dead key counts at the server as a wrong one, however it comes there.
        if music and (wait := self._guessing.wait(person, music, client)):
            return self._pages.go(back, "music-wait", str(wait))
        try:
            found = self._accounts.check(link)
        except (SealError, LookupError):
            return self._pages.go(back, "music-fails", link.account)
        if music and found.fault is Fault.WRONG_PASSWORD:
            self._guessing.failed(person, music, client)
        word = "music-fails" if found.fault else "music-works"
        return self._pages.go(back, word, link.account)

    def _test(self, server: str) -> Response:
        music = self._accounts.servers.get(server)
        if music is None:
            return self._pages.go("authz_music.index")
        if isinstance(self._accounts.look_at(music), Fault):
            return self._pages.go("authz_music.index", "music-unreachable", server)
        return self._pages.go("authz_music.index", "music-reachable", server)

    def _panel(
        self, music: MusicServer, link: Link | None, form: Mapping[str, str] | None
    ) -> Panel:
        capabilities = music.capabilities
        proofs = self._accounts.proofs(music)
        return Panel(
            id=music.listed.id,
            product=music.listed.kind.product,
            hint=capabilities.hint,
            proofs=tuple(proofs),
            asks_name=Proof.PASSWORD in proofs or capabilities.key_needs_name,
            needs_name=len(proofs) == 1,
            needs_secret=not capabilities.may_lack_password,
            can_hide=capabilities.privacy is Privacy.CAN_BE_MADE,
            link=link,
            entered={
                "account": (form or {}).get("account", "")[:200],
                "proof": (form or {}).get("proof", ""),
                "private": (form or {}).get("private", "")
                or ("yes" if link and link.private else ""),
            },
        )

    def _section(self, subject: Subject) -> Markup:
        if not is_person(subject.name):
            return Markup()
        text = render(
            "authz_music/section.html",
            links=list(self._accounts.of(subject.name).values()),
        )
        return Markup(text)  # noqa: S704 - a template of ours, which escapes

    def _by(self) -> By:
        actor = self._pages.actor
        return By(name=actor.name, peer=actor.peer, client=actor.client)

    def _client(self) -> str:
        """Return who is counted as one who guesses: behind listed proxies."""
        facts = RequestFacts(request.environ)
        return self._pages.runtime.client(facts).subscriber


def _words(error: MusicFault) -> str:
    """Return what whoever entered something reads, with what the server added."""
    words = WORDS[error.fault]
    return f"{words} ({error.detail})" if error.detail else words


def _entered(form: MultiDict[str, str]) -> Entered:
    """Return what a form holds. Its secret goes into no other variable."""
    proofs: Iterable[Any] = Proof
    proof = form.get("proof", "")
    return Entered(
        proof=Proof(proof) if proof in set(proofs) else Proof.PASSWORD,
        account=form.get("account", ""),
        secret=Secret(form.get("secret", "")),
    )
