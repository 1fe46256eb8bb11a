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
        "Replace the policy in the store with POLICY: a file, `-`, or git:REV:PATH.",
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
        "Print the script that lets SHELL complete the commands of authz.",
        knows_apps=False,
    ),
    "config": Command("config:config", "Show the settings."),
    "db": Command(
        "db:db",
        "Show the schema of the database, and upgrade it for a new version.",
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
        "Write each POLICY file in its canonical form: spaces, line ends and quotes.",
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
        "Import POLICY into the store: a file, `-`, or git:REV:PATH.",
    ),
    "init": Command(
        "init:init",
        "Write a first policy, its tests, and example settings.",
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
        "Go back to revision NUMBER, as a new revision.",
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
        "Decide for other apps when their proxy asks (forward-auth).",
        knows_apps=False,
    ),
    "shadow": Command(
        "simulate:shadow",
        "List where the candidate of AUTHZ_SHADOW_POLICY would answer differently.",
    ),
    "simulate": Command(
        "simulate:simulate",
        "Decide the requests in the audit log again, under the policy DRAFT.",
    ),
    "sync": Command(
        "transfer:sync", "Replace the policy in the store with FILE, if they differ."
    ),
    "test": Command(
        "policy_tests:test_policy",
        "Run the policy tests in TESTS, files in YAML; policy_test.yaml by default.",
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
        "Say who a request would come from, by which source, and what was ignored.",
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
