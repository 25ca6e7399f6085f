"""The plots of an evaluation as SVG text, drawn without any global state of matplotlib."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from medsiam.evaluation.embedding_map import EmbeddingMap
from medsiam.evaluation.result import FewShot

Floats = NDArray[np.float64]

# M. Okabe and K. Ito, "Color universal design" (2008): told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7A6A00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
INK, SOFT, LINE = "#1d2733", "#66727f", "#d5dbe1"
STYLE: Any = {
    "svg.hashsalt": "medsiam",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.edgecolor": LINE,
    "axes.labelcolor": SOFT,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


def few_shot_curve(shots: Mapping[str, Sequence[FewShot]]) -> str:
    """Accuracy against shots; the first result with its interval, the others as thin lines."""
    with rc_context(STYLE):
        canvas, axes = new_canvas(5.6, 3.5)
        for place, (name, series) in enumerate(shots.items()):
            x = [shot.n_shot for shot in series]
            y = [shot.accuracy for shot in series]
            colour = COLOURS[place % len(COLOURS)]
            if place == 0:
                low, high = [shot.low for shot in series], [shot.high for shot in series]
                axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(
                x,
                y,
                color=colour,
                marker=MARKERS[place % len(MARKERS)],
                markersize=6 if place == 0 else 4,
                linewidth=2.2 if place == 0 else 1.0,
                label=_literal(name),
                zorder=3 if place == 0 else 2,
            )
        first = next(iter(shots.values()))
        x = [shot.n_shot for shot in first]
        axes.plot(x, [shot.chance for shot in first], color=INK, linestyle=":", label="chance")
        axes.set_xticks(x)
        axes.set_xlabel("cases per condition in the bank (shots)")
        axes.set_ylabel("balanced accuracy")
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        legend_beside(axes)
        return svg_text(canvas)


def condition_bars(shot: FewShot) -> str:
    """Accuracy of each condition with its interval, and the chance line."""
    with rc_context(STYLE):
        names = list(shot.by_condition)
        canvas, axes = new_canvas(5.6, 0.9 + 0.36 * max(3, len(names)))
        places = np.arange(len(names))[::-1]
        values = np.array([shot.by_condition[name] for name in names])
        axes.barh(places, values, height=0.58, color=COLOURS[0], alpha=0.85)
        for place, name in zip(places, names, strict=True):
            low, high = shot.intervals.get(name, (np.nan, np.nan))
            axes.plot([low, high], [place, place], color=INK, linewidth=1.4)
        axes.axvline(shot.chance, color=COLOURS[1], linestyle="--", linewidth=1.2)
        axes.set_yticks(places, [short_name(name) for name in names], color=INK)
        axes.set_xlim(0, 1)
        axes.set_xlabel(f"share of queries named rightly, {shot.n_shot} shots (dashed: chance)")
        axes.tick_params(axis="y", length=0)
        return svg_text(canvas)


def share_text(share: float) -> str:
    """Two digits without the leading zero; what rounds to 1 is 1, never ".00"."""
    text = f"{share:.2f}"
    return text[1:] if text.startswith("0") else text


def confusion_map(shot: FewShot) -> str:
    """Share of each condition's queries that were given each condition."""
    with rc_context(STYLE):
        names = list(shot.confusion)
        shares = np.array([[shot.confusion[a].get(b, np.nan) for b in names] for a in names])
        canvas, axes = new_canvas(5.6, min(5.6, 2.2 + 0.45 * max(3, len(names))))
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        if len(names) <= 12:
            for (i, j), share in np.ndenumerate(shares):
                ink = "white" if share > 0.6 else INK
                axes.text(
                    j,
                    i,
                    share_text(share),
                    ha="center",
                    va="center",
                    color=ink,
                )
        labels = [short_name(name) for name in names]
        axes.set_xticks(range(len(names)), labels, rotation=40, ha="right", color=INK)
        axes.set_yticks(range(len(names)), labels, color=INK)
        axes.set_xlabel("named")
        axes.set_ylabel("is")
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return svg_text(canvas)


def scatter_map(
    placed: EmbeddingMap,
    conditions: NDArray[np.str_],
    ringed: NDArray[np.bool_] | None = None,
) -> str:
    """Embeddings in a plane, a colour and a mark for each condition, rings around some cases."""
    with rc_context(STYLE):
        canvas, axes = new_canvas(5.6, 4.2)
        own = conditions[placed.rows]
        names = np.unique(own)
        for place, name in enumerate(names):
            points = placed.points[own == name]
            axes.scatter(
                points[:, 0],
                points[:, 1],
                s=20,
                color=COLOURS[place % len(COLOURS)],
                marker=MARKERS[(place + place // len(COLOURS)) % len(MARKERS)],
                alpha=0.75,
                linewidths=0,
                label=short_name(str(name)),
            )
        if ringed is not None:
            points = placed.points[ringed[placed.rows]]
            axes.scatter(
                points[:, 0], points[:, 1], s=90, facecolors="none", edgecolors=INK, linewidths=1.2
            )
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set_visible(False)
        legend_beside(axes)
        return svg_text(canvas)


def distance_histogram(
    distances: Floats, same: NDArray[np.bool_], *, threshold: float, metric: str
) -> str:
    """Distances of pairs of one condition and of two, and the threshold of equal errors."""
    with rc_context(STYLE):
        canvas, axes = new_canvas(5.6, 3.1)
        low, high = np.quantile(distances, [0.0, 0.999])
        edges = np.linspace(low, max(high, low + 1e-9), 51).tolist()
        for kind, colour, label in ((same, COLOURS[0], "same"), (~same, COLOURS[1], "different")):
            axes.hist(
                distances[kind],
                bins=edges,
                density=True,
                color=colour,
                alpha=0.35,
                histtype="stepfilled",
            )
            axes.hist(
                distances[kind],
                bins=edges,
                density=True,
                color=colour,
                histtype="step",
                label=f"{label} condition",
            )
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.2, label="equal errors")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"{metric} distance of a pair")
        legend_beside(axes)
        return svg_text(canvas)


def roc_curve(far: Floats, tar: Floats) -> str:
    """Same pairs accepted against different pairs accepted, the latter on a logarithmic axis."""
    with rc_context(STYLE):
        canvas, axes = new_canvas(5.6, 3.1)
        lowest = 1e-3
        grid = np.geomspace(lowest, 1, 200)
        axes.plot(
            grid,
            np.interp(grid, np.append(0, far), np.append(0, tar)),
            color=COLOURS[0],
            linewidth=2,
        )
        axes.plot(grid, grid, color=INK, linestyle=":", label="chance")
        axes.set_xscale("log")
        axes.set_xlim(lowest, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("different pairs accepted (false)")
        axes.set_ylabel("same pairs accepted (true)")
        axes.grid(color=LINE, linewidth=0.6)
        axes.legend(loc="upper left")
        return svg_text(canvas)


def new_canvas(width: float, height: float) -> tuple[Canvas, Axes]:
    """An empty picture of so many inches, to be drawn within `rc_context(STYLE)`."""
    canvas = Canvas(figsize=(width, height), layout="constrained")
    return canvas, canvas.add_subplot()


def legend_beside(axes: Axes) -> None:
    """Explain the lines where they hide nothing."""
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), borderaxespad=0.2, handlelength=1.4)


def short_name(name: str) -> str:
    """A condition's name as it fits beside an axis."""
    return _literal(name if len(name) <= 26 else name[:24] + "…")


def _literal(name: str) -> str:
    """Text without mathematics, and not hidden from a legend by its first letter."""
    shown = name.replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown


def svg_text(canvas: Canvas) -> str:
    """The picture, to be put into a page."""
    stream = io.StringIO()
    canvas.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    text = stream.getvalue()
    return text[text.index("<svg") :]
