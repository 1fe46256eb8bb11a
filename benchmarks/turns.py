"""Two things measured in turns: what slows the machine down slows both.

What is promised of one beside the other is the median over the turns of their share,
so one slow moment does not decide. How far the shares lie apart is printed with it.
"""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: Each turn measures one, the other, the other and the one again.
TURNS: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """Two things measured in turns: medians, and the other's share of the one.

    The shares are compared within a turn, so what slows the machine down for longer
    than that does not show.
    """

    one: float
    other: float
    share: float
    #: The first and the last quarter of the shares, of which the middle is taken.
    quarter: float
    three_quarters: float
    turns: int

    @property
    def spread(self) -> str:
        """How far the shares lie apart."""
        return (
            f"half of {self.turns} turns within {self.quarter:.1%} to "
            f"{self.three_quarters:.1%}"
        )


def in_turns(
    one: Callable[[], float],
    other: Callable[[], float],
    *,
    turns: int = TURNS,
    rounds: int = 1,
) -> Compared:
    """Measure both in the order one, other, other, one; return what was found.

    With several *rounds*, a turn has that order as often, each for a shorter while.
    """
    ones, others = [], []
    for _ in range(turns):
        here, there = 0.0, 0.0
        for _ in range(rounds):
            first, second, third, last = one(), other(), other(), one()
            here += first + last
            there += second + third
        ones.append(here / 2 / rounds)
        others.append(there / 2 / rounds)
    shares = [there / here for here, there in zip(ones, others, strict=True)]
    quarter, share, three_quarters = statistics.quantiles(shares, n=4)
    return Compared(
        one=statistics.median(ones),
        other=statistics.median(others),
        share=share,
        quarter=quarter,
        three_quarters=three_quarters,
        turns=turns,
    )
