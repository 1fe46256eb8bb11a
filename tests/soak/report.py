"""What a scenario measured, and the bars it has to meet."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.soak.history import Answer, History

#: What stands around the figures in a page.
BEGIN = "<!-- soak: begin -->\n"
END = "<!-- soak: end -->\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One thing that must hold, and the figure that shows whether it does."""

    name: str
    met: bool
    figure: str
    #: Whether it depends on how fast the machine is: no test goes by it.
    timed: bool = False
    #: What is behind the figure: how stale 0, 1, 2... 100 % of decisions were at most.
    percent: tuple[float, ...] = ()

    def __str__(self) -> str:
        return f"{'PASS' if self.met else 'FAIL'}  {self.name}: {self.figure}"


def percentiles(ordered: Sequence[float]) -> tuple[float, ...]:
    """Return what 0, 1, 2... 100 % of *ordered*, the smallest first, are at most."""
    last = len(ordered) - 1
    return tuple(ordered[last * part // 100] for part in range(101)) if ordered else ()


def decision_bars(  # noqa: PLR0913 - one for each thing that is asked of it
    scenario: str,
    answers: Sequence[Answer],
    history: History,
    *,
    kills: int = 0,
    soft: float = 1.0,
    hard: float = 5.0,
) -> list[Bar]:
    """Return the bars on *answers*: none wrong, few cut off, none stale.

    *soft* is what 99 % must be fresher than, *hard* what all must be, in seconds. Where
    the store was away, *soft* is asked once more without the time of its outages.
    """
    wrong = [answer for answer in answers if history.is_wrong(answer)]
    cut = sum(answer.status == 0 for answer in answers)
    stale = sorted(history.staleness(answer) for answer in answers)
    late = _most(stale)
    worst = stale[-1] if stale else 0.0
    decided = sum(answer.status in {200, 403} for answer in answers)
    bars = [
        Bar(
            name=f"{scenario}: no wrong decision",
            met=not wrong and decided > 0,
            figure=f"{len(wrong)} wrong of {decided:,}"
            + (f", first {wrong[0]}" if wrong else ""),
        ),
        Bar(
            name=f"{scenario}: 99 % of decisions at most {soft:.0f} s stale",
            met=late <= soft,
            figure=f"{late:.2f} s",
            timed=True,
            percent=percentiles(stale),
        ),
        Bar(
            name=f"{scenario}: none over {hard:.0f} s stale",
            met=worst <= hard,
            figure=f"{worst:.2f} s",
            timed=True,
        ),
    ]
    if history.away:
        readable = _most(sorted(map(history.staleness_while_readable, answers)))
        bars.append(
            Bar(
                name=f"{scenario}: the 99 % once more, without the time of outages",
                met=readable <= soft,
                figure=f"{readable:.2f} s",
                timed=True,
            )
        )
    if kills:
        bars.append(
            Bar(
                name=f"{scenario}: at most 2 cut connections for each killed worker",
                met=cut <= 2 * kills,
                figure=f"{cut} cut, {kills} killed",
                timed=True,
            )
        )
    return bars


def _most(ordered: Sequence[float]) -> float:
    """Return what 99 % of *ordered*, the smallest first, are at most."""
    return ordered[int(len(ordered) * 0.99)] if ordered else 0.0


def with_bars(page: str, bars: Sequence[Bar], *, seconds: float) -> str:
    """Return *page* with *bars* in the place of what a run before wrote there."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    assert after, "the page has no place for the figures"
    rows = [
        f"| {bar.name} | {bar.figure} | {'yes' if bar.met else 'NO'} |" for bar in bars
    ]
    table = ["| What | Measured | Met |", "|---|---|---|", *rows]
    said = f"The last whole run, {seconds:.0f} seconds for each part:\n\n"
    return before + BEGIN + said + "\n".join(table) + "\n" + END + after
