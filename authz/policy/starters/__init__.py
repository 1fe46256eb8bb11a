"""Policies to begin with, each with its tests: what `authz init` writes."""

from enum import StrEnum
from importlib.resources import files


class Starter(StrEnum):
    """The policies to begin with."""

    #: Everybody signs in; one or two administer.
    FAMILY = "family"
    #: Strangers may look around; nobody but the administrators changes anything.
    PUBLIC_DEMO = "public-demo"
    #: Nobody but the administrators gets in.
    ADMINS_ONLY = "admins-only"
    #: Whoever is signed in may use the app; administrators administer.
    SIGNED_IN = "signed-in"


def starter_files(starter: Starter) -> dict[str, str]:
    """Return the text of each file of *starter*, by the name it is written under."""
    folder = files(__name__)

    def text(ending: str) -> str:
        return folder.joinpath(f"{starter}{ending}").read_text(encoding="utf-8")

    return {
        "policy.csv": text(".csv"),
        "policy_test.yaml": text("_test.yaml"),
        ".env.example": folder.joinpath("env.example").read_text(encoding="utf-8"),
    }
