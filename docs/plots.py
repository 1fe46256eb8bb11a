"""Draws the plots of the docs from what `make bench` and `make soak` wrote.

The same figures give the same bytes, so that a test can tell whether they are shown.
"""

import io
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results.json"
SOAK = ROOT / "tests" / "soak" / "results.json"
PLOTS = ROOT / "docs" / "plots"
#: Who is drawn, by engine and mix: how it is called and looks.
_LINES = {
    ("pycasbin", "known"): ("stock pycasbin", "#b3261e", "s"),
    ("authz", "all new"): ("authz, somebody new", "#7986cb", "^"),
    ("authz", "known"): ("authz, somebody known", "#303f9f", "o"),
}
#: Who is drawn where loads are compared.
_ENGINES = {
    "pycasbin": ("stock pycasbin", "#b3261e", "s"),
    "oso": ("oso", "#7a7a7a", "D"),
    "authz": ("authz", "#303f9f", "o"),
}
_STYLE: dict[str, Any] = {
    "svg.hashsalt": "authz",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def plots() -> dict[str, str]:
    """Return each plot as the text of an SVG, by its file name."""
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    soak = json.loads(SOAK.read_text(encoding="utf-8"))
    return {
        "decisions.svg": _decisions(found["decisions"]),
        "loading.svg": _loading(found["loads"]),
        "staleness.svg": _staleness(soak),
    }


def _decisions(rows: list[dict[str, Any]]) -> str:
    """Draw the median of a decision against the number of rules, both logarithmic."""
    # Workloads with a comma and a word are policies of another make.
    plain = [row for row in rows if row["workload"] == f"{row['rules']:,}"]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.subplots()
        for (engine, mix), (label, color, marker) in _LINES.items():
            line = [r for r in plain if (r["engine"], r["mix"]) == (engine, mix)]
            axes.loglog(
                [row["rules"] for row in line],
                [row["p50_us"] for row in line],
                color=color,
                marker=marker,
                label=label,
            )
        axes.set_xlabel("rules")
        axes.set_ylabel("microseconds for a decision")
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False)
        return _text(figure)


def _loading(rows: list[dict[str, Any]]) -> str:
    """Draw what it takes to have a policy ready, in time and in memory."""
    plain = [row for row in rows if row["workload"].replace(",", "").isdigit()]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        for axes, (field, said) in zip(
            figure.subplots(1, 2),
            (("seconds", "seconds to load"), ("mib", "MiB of memory")),
            strict=True,
        ):
            for engine, (label, color, marker) in _ENGINES.items():
                # What is less than a tenth of a MiB was not measured.
                line = [r for r in plain if r["engine"] == engine and r[field]]
                axes.loglog(
                    [int(row["workload"].replace(",", "")) for row in line],
                    [row[field] for row in line],
                    color=color,
                    marker=marker,
                    label=label,
                )
            axes.set_xlabel("rules")
            axes.set_ylabel(said)
            axes.grid(visible=True, which="major", alpha=0.3)
        figure.axes[0].legend(frameon=False)
        return _text(figure)


def _staleness(bars: list[dict[str, Any]]) -> str:
    """Draw how old the policy was that decided, for each scenario of the soak."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(7.2, 4.0), layout="constrained")
        axes = figure.subplots()
        for bar in bars:
            if bar["percent"]:
                scenario = bar["name"].partition(":")[0]
                axes.plot(bar["percent"], range(101), label=scenario)
        axes.set_xlabel("seconds that the policy which decided was out of date")
        axes.set_ylabel("% of decisions, at most")
        axes.set_ylim(80, 100.5)
        axes.axvline(1.0, color="#888888", linestyle=":", linewidth=1)
        axes.grid(visible=True, which="major", alpha=0.3)
        axes.legend(frameon=False, loc="lower right")
        return _text(figure)


def _text(figure: Figure) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    lines = (line.rstrip() for line in out.getvalue().splitlines())
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PLOTS.mkdir(exist_ok=True)
    for name, text in plots().items():
        (PLOTS / name).write_text(text, encoding="utf-8")
