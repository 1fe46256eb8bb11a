"""Somebody who can really come in and administer always remains.

Asked inside the store's transaction, where no other change can come between.
"""

from collections.abc import Callable

from authz.administration import Administration
from authz.errors import LastAdmin


def keep_somebody(
    after: Administration, before: Callable[[], Administration], *, instead: str
) -> None:
    """Refuse a change after which nobody administers who could before.

    Args:
        after: What the change would leave.
        before: Returns what it is now; asked only if that matters.
        instead: What to do instead, where no rule is in the way.

    Raises:
        LastAdmin: if so.
    """
    if after.somebody() is not None:
        return
    old = before()
    if old.somebody() is None:
        return
    problem = after.problem(source="", before=old)
    if problem.where:  # a rule stands in the way
        raise LastAdmin(f"{problem.where}: {problem.message}", problem.hint)
    raise LastAdmin("nobody who can sign in could administer any more", instead)
