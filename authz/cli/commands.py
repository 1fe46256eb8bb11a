"""Every command by name: where it is defined, and what the list of commands says of it.

A command is imported when it is run, so that one which asks a question of a file does
not load what only others need.
"""

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import click


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is defined, and what the list says of it: it is imported later.

    An adapter's entry point may lead to one as well as to a `click.Command`.
    """

    #: `module:attribute`. A name without a dot is of a module of `authz.cli`.
    place: str
    help: str
    #: Whether it knows more with an app, and does without.
    knows_apps: bool = True

    def load(self) -> click.Command:
        """Return the command itself."""
        module, _, attribute = self.place.partition(":")
        whole = module if "." in module else f"authz.cli.{module}"
        command: click.Command = getattr(import_module(whole), attribute)
        return command


COMMANDS: Final[Mapping[str, Command]] = {
    "apply": Command(
        "revisions:apply",
        "Make the store hold what POLICY says: a file, `-`, or git:REV:PATH.",
    ),
    "audit": Command(
        "audit:audit",
        "Show the newest records of the audit log, the oldest of them first.",
        knows_apps=False,
    ),
    "bench": Command(
        "bench:bench",
        "Ask POLICY, and stock pycasbin with the same rules, the same questions.",
    ),
    "break-glass": Command(
        "break_glass:break_glass",
        "Let somebody administer for minutes, whatever is wrong with signing in.",
    ),
    "check": Command("check:check", "Say whether SUBJECT may use METHOD on PATH."),
    "completion": Command(
        "completion:completion",
        "Print what SHELL has to read to complete the commands of authz.",
        knows_apps=False,
    ),
    "config": Command("config:config", "Look at the settings."),
    "db": Command(
        "db:db",
        "Look at the schema of the database, and change it as a new version needs.",
    ),
    "diff": Command(
        "diff:diff", "Say what differs between the policies BEFORE and AFTER."
    ),
    "doctor": Command(
        "doctor:doctor",
        "Look for what keeps people from signing in, or lets in too many.",
        knows_apps=False,
    ),
    "explain": Command(
        "check:explain", "Say why SUBJECT may, or may not, use METHOD on PATH."
    ),
    "export": Command("transfer:export", "Print the policy that the store holds."),
    "fmt": Command(
        "fmt:fmt",
        "Spell each POLICY file canonically: blanks, line ends and quotes.",
        knows_apps=False,
    ),
    "hash-password": Command(
        "password:hash_password",
        "Print the argon2id hash of a password, for AUTHZ_ADMIN_PASSWORD and the like.",
        knows_apps=False,
    ),
    "history": Command(
        "revisions:history",
        "List what was changed in the store, by whom and why; the newest first.",
    ),
    "import": Command(
        "transfer:import_",
        "Bring POLICY into the store: a file, `-`, or git:REV:PATH.",
    ),
    "init": Command(
        "init:init",
        "Write a policy to begin with, its tests, and an example of settings.",
    ),
    "lint": Command(
        "lint:lint_policies",
        "Say what is odd about each POLICY: a file, or git:REV:PATH.",
    ),
    "prove": Command(
        "prove:prove",
        "Prove a promise for every request there can be, or show what breaks it.",
    ),
    "rollback": Command(
        "revisions:rollback",
        "Make the store hold what revision NUMBER left; the history goes on.",
    ),
    "routes": Command(
        "routes:routes", "List every route and method of the app with who may use it."
    ),
    "schema": Command(
        "schema:schema",
        "Print the JSON Schema of what a command prints, or of a policy test file.",
        knows_apps=False,
    ),
    "scope": Command(
        "scope:scope",
        "Turn a policy into one with scopes, and back.",
        knows_apps=False,
    ),
    "secrets": Command("secrets:secrets", "Make keys.", knows_apps=False),
    "serve": Command(
        "authz.serve.command:serve",
        "Decide for other apps what a proxy asks about: forward-auth.",
        knows_apps=False,
    ),
    "shadow": Command(
        "simulate:shadow",
        "List where the candidate of AUTHZ_SHADOW_POLICY would answer otherwise.",
    ),
    "simulate": Command(
        "simulate:simulate",
        "Decide again, under the policy DRAFT, what the audit log holds.",
    ),
    "sync": Command(
        "transfer:sync", "Make the store hold what FILE says, if it does not yet."
    ),
    "test": Command(
        "policy_tests:test_policy",
        "Run the policy tests in TESTS, files in YAML; policy_test.yaml if left out.",
    ),
    "token": Command("tokens:token", "Make, list and revoke API tokens."),
    "user": Command(
        "people:user",
        "Add, change and remove people; give them a password; sign them out.",
    ),
    "what-can": Command("who:what_can", "List what SUBJECT may do."),
    "who-can": Command(
        "who:who_can",
        "List the names that may use METHOD on PATH, and who holds them.",
    ),
    "whoami": Command(
        "whoami:whoami",
        "Say whom a request would come from, by which source, and what was passed "
        "over.",
    ),
}


class Commands(MutableMapping[str, click.Command]):
    """Commands by name; each is imported when it is asked for."""

    def __init__(
        self,
        known: Mapping[str, Command],
        adapt: Callable[[Command], click.Command] = Command.load,
    ) -> None:
        """Offer the *known* ones as *adapt* returns them."""
        self._known = dict(known)
        self._adapt = adapt
        self._loaded: dict[str, click.Command] = {}

    def help_of(self, name: str) -> str | None:
        """Return what the list says of *name*; None if it has to be asked itself."""
        known = self._known.get(name)
        return known.help if known else None

    def __getitem__(self, name: str) -> click.Command:
        if name not in self._loaded:
            self._loaded[name] = self._adapt(self._known[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        self._known.pop(name, None)
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        if self._known.pop(name, None) is None and name not in self._loaded:
            raise KeyError(name)
        self._loaded.pop(name, None)

    def __contains__(self, name: Any) -> bool:
        return name in self._known or name in self._loaded

    def __iter__(self) -> Iterator[str]:
        return iter({**self._known, **self._loaded})

    def __len__(self) -> int:
        return len({**self._known, **self._loaded})
