"""Looks settings up, in an app's config first and in the environment after that."""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final, TypeVar

from authz.bounded_read import read_file
from authz.errors import InvalidValue, Problem
from authz.settings.defaults import Defaulted
from authz.settings.setting import Setting
from authz.settings.table import SETTINGS

#: No secret is larger, in bytes.
_MOST: Final = 1024 * 1024

#: Numbered settings: the parts around the number.
_NUMBERED: Final = re.compile(r"(AUTHZ_JWT)_[2-9](_.+)")

#: Claims, which may be spelled in double quotes.
_EXPRESSION: Final = re.compile(r"AUTHZ_JWT(?:_[2-9])?_(?:SUBJECT|GROUPS|DISPLAY_NAME)")
#: What may open a quotation, what closes it, and what they are called.
_QUOTES: Final = {
    '"': ('"', "double quotes"),
    "'": ("'", "single quotes"),
    "\u201c": ("\u201d", "typographic quotes"),
    "\u201e": ("\u201c\u201d", "typographic quotes"),
    "\u2018": ("\u2019", "typographic quotes"),
    "\u00ab": ("\u00bb", "typographic quotes"),
}
#: What env files let stand behind the quotes.
_COMMENT: Final = re.compile(r"\s+#.*")

#: A variable or a place of a template, as it stands where nobody has filled it in.
_UNFILLED: Final = re.compile(
    r"\$\{\w+[^}]*\}|\$[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|\{\{[^}]*\}\}|%[A-Z][A-Z0-9_]+%"
)

_T = TypeVar("_T")
_D = TypeVar("_D")


class Reader:
    """Looks settings up and keeps every problem."""

    def __init__(
        self,
        config: Mapping[str, Any],
        environ: Mapping[str, str],
        settings: Iterable[Setting] = SETTINGS,
    ) -> None:
        """Look for *settings* in an app's *config* and in the *environ*."""
        self._config = config
        self._environ = environ
        self._settings = {setting.name: setting for setting in settings}
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []

    def refuse_unknown(
        self, others: Callable[[], tuple[Collection[Setting], Iterable[Problem]]]
    ) -> None:
        """Note a problem for each `AUTHZ_...` that is no setting, of *others* neither.

        *others* returns the settings that somebody else reads, and what is wrong there.
        It is asked if there is a setting that is not of ours.
        """
        known = _spellings(self._settings.values())
        given = {
            key
            for source in (self._config, self._environ)
            for key in source
            if key.startswith("AUTHZ_") and _declared_name(key) not in known
        }
        if not given:
            return
        settings, problems = others()
        self.problems += problems
        known |= _spellings(settings)
        for key in sorted(key for key in given if _declared_name(key) not in known):
            near = get_close_matches(key, known, n=1)
            self.problem(
                key,
                "there is no such setting",
                f"did you mean `{near[0]}`?" if near else "remove it",
            )

    def parse(self, name: str, parser: Callable[[str], _T], default: _D) -> _T | _D:
        """Return the setting *name* as *parser* reads it, or *default* if unset."""
        _, text = self.find(name)
        if not text:
            return default
        try:
            return parser(text)
        except InvalidValue as error:
            self.problem(name, error.message, error.hint)
            return default
        except ValueError as error:
            self.problem(name, str(error) or "cannot be read", "")
            return default

    def read(self, value: Defaulted[_T], name: str = "") -> _T:
        """Return the setting as *value* reads it; *name* is its numbered name."""
        return self.parse(name or value.name, value.parser, value.default)

    def find(self, name: str) -> tuple[str, str | None]:
        """Return where the setting *name* was found, and its text.

        Looks at the config, then the environment; in each at the name, its `_FILE`
        form, and the short name with its `_FILE` form. Two of them are a problem.
        """
        setting = self._settings[_declared_name(name)]
        spellings = [name]
        if setting.from_file:
            spellings.append(f"{name}_FILE")
        if setting.alias and self._alias_counts(setting.alias):
            spellings += [setting.alias, f"{setting.alias}_FILE"]
        for source in (self._config, self._environ):
            found = [key for key in spellings if source.get(key) is not None]
            if not found:
                continue
            if len(found) > 1:
                self.problem(
                    found[0],
                    f"{' and '.join(found)} are both set",
                    "set one of them",
                )
            key = found[0]
            value = source[key]
            text = value if isinstance(value, str) else _as_text(value)
            if key not in {name, setting.alias}:  # a `..._FILE`
                return key, self._read_file(key, text)
            if source is self._environ:
                self._check_quotes(key, text)
            return key, text
        return name, None

    def _check_quotes(self, key: str, text: str) -> None:
        """Note a problem if *text* is as an env file spells it, and not as it is read.

        Docker's `--env-file`, and lists below `environment:` in a compose file, take
        quotes as they stand.
        """
        bare = text.strip()
        closing, quotes = _QUOTES.get(bare[:1], ("", ""))
        if any(
            len(whole) > 1 and whole[-1] in closing
            for whole in (bare, _COMMENT.sub("", bare))
        ):
            if closing == '"' and _EXPRESSION.fullmatch(key):
                return  # a claim with odd characters, as JMESPath spells it
            self.problem(
                key,
                f"it is in {quotes}, which count as a part of it",
                "remove the quotes; what really begins and ends with one goes into a "
                "file, if the setting has a form `..._FILE`",
            )
        elif _UNFILLED.fullmatch(bare):
            self.problem(
                key,
                "it is the name of a variable, which nothing has filled in",
                "write the value itself: Docker's env files do not expand variables",
            )
        elif text.startswith("\ufeff"):
            self.problem(
                key,
                "it begins with a byte order mark, which counts as a part of it",
                "save the file that it comes from as UTF-8 without one",
            )
        elif text.endswith("\r"):
            self.problem(
                key,
                "it ends with a carriage return, which counts as a part of it",
                "save the file that it comes from with Unix line ends",
            )

    def _alias_counts(self, alias: str) -> bool:
        """Whether a short name means us: every Unix shell sets `USER` on its own."""
        if alias != "USER":
            return True
        return any(
            key in source
            for source in (self._config, self._environ)
            for key in ("USER_PASSWORD", "USER_PASSWORD_FILE")
        )

    def _read_file(self, key: str, name: str) -> str | None:
        try:
            text = read_file(name, most=_MOST).decode("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            self.problem(
                key,
                f"the file `{name}` cannot be read ({why})",
                "check the path and who may read it",
            )
            return None
        return text.rstrip("\r\n")

    def warning(self, where: str, message: str, hint: str) -> None:
        """Note what is odd but does no harm."""
        self.warnings.append(Problem(where=where, message=message, hint=hint))

    def problem(self, where: str, message: str, hint: str) -> None:
        """Note a problem, once."""
        problem = Problem(where=where, message=message, hint=hint)
        if problem not in self.problems:
            self.problems.append(problem)


def _spellings(settings: Collection[Setting]) -> set[str]:
    """Return the names of *settings*, and of the files that hold them."""
    known = {setting.name for setting in settings}
    return known | {f"{s.name}_FILE" for s in settings if s.from_file}


def _declared_name(key: str) -> str:
    """Return the name that is declared: `AUTHZ_JWT_ISSUER` for `AUTHZ_JWT_2_ISSUER`."""
    numbered = _NUMBERED.fullmatch(key)
    return f"{numbered[1]}{numbered[2]}" if numbered else key


def _as_text(value: object) -> str:
    """Return a value that an app put into its config as the text an operator types."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        if any("," in str(item) for item in value):
            return json.dumps(list(map(str, value)), ensure_ascii=False)
        return ",".join(map(str, value))
    return str(value)
