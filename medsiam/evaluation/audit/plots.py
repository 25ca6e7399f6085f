"""The plots of an audit as SVG text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import rc_context

from medsiam.evaluation.audit.accuracy import Accuracy
from medsiam.evaluation.audit.hubs import Hubs
from medsiam.evaluation.audit.learning_curve import LearningCurve
from medsiam.evaluation.plots import (
    COLOURS,
    INK,
    LINE,
    MARKERS,
    SOFT,
    STYLE,
    legend_beside,
    new_canvas,
    short_name,
    svg_text,
)


def accuracy_bars(accuracy: Accuracy, *, rule: str) -> str:
    """Share found of each condition with its interval, and its own chance as a mark."""
    with rc_context(STYLE):
        entries = accuracy.conditions
        canvas, axes = new_canvas(5.6, 0.9 + 0.36 * max(3, len(entries)))
        for place, entry in zip(range(len(entries) - 1, -1, -1), entries, strict=True):
            figure = entry.by_rule[rule]
            if figure is None:
                axes.text(0.01, place, "one patient only", va="center", color=SOFT)
                continue
            axes.barh(place, figure.value, height=0.58, color=COLOURS[0], alpha=0.85)
            axes.plot([figure.low, figure.high], [place, place], color=INK, linewidth=1.4)
            axes.plot([figure.chance] * 2, [place - 0.36, place + 0.36], color=COLOURS[1])
        names = [f"{short_name(entry.condition)} ({entry.n_patients})" for entry in entries]
        axes.set_yticks(range(len(entries) - 1, -1, -1), names, color=INK)
        axes.set_xlim(0, 1)
        axes.set_xlabel("share of cases found, their patient left out (orange: chance)")
        axes.tick_params(axis="y", length=0)
        return svg_text(canvas)


def learning_lines(curves: Sequence[LearningCurve]) -> str:
    """Gain of each condition against its patients in the bank."""
    with rc_context(STYLE):
        canvas, axes = new_canvas(5.6, 3.6)
        shown = [curve for curve in curves if curve.points]
        for place, curve in enumerate(shown):
            x = [point.n_patients for point in curve.points]
            colour = COLOURS[place % len(COLOURS)]
            gains = [point.gain for point in curve.points]
            marker = MARKERS[(place + place // len(COLOURS)) % len(MARKERS)]
            axes.plot(
                x,
                gains,
                color=colour,
                marker=marker,
                markersize=4,
                linewidth=1.4,
                label=short_name(curve.condition),
            )
            last = curve.points[-1]
            axes.plot([x[-1]] * 2, [last.gain_low, last.gain_high], color=colour, linewidth=0.8)
        axes.axhline(0, color=INK, linestyle=":", linewidth=1)
        axes.set_xscale("log", base=2)
        most = max((curve.points[-1].n_patients for curve in shown), default=2)
        ticks = 2 ** np.arange(int(np.ceil(np.log2(max(2, most)))) + 1)
        axes.set_xticks(ticks, [str(tick) for tick in ticks])
        axes.minorticks_off()
        axes.set_xlabel("patients of the condition in the bank")
        axes.set_ylabel("found less wrongly taken")
        axes.grid(axis="y", color=LINE, linewidth=0.6)
        if shown:
            legend_beside(axes)
        return svg_text(canvas)


def occurrence_histogram(hubs: Hubs) -> str:
    """How many cases are near to how many others."""
    with rc_context(STYLE):
        canvas, axes = new_canvas(5.6, 3.1)
        counts = np.asarray(hubs.occurrences)
        edges = np.arange(int(counts.max(initial=0)) + 2) - 0.5
        axes.hist(counts, bins=edges.tolist(), color=COLOURS[0], alpha=0.85)
        axes.axvline(float(counts.mean()), color=COLOURS[1], linestyle="--", label="mean")
        axes.set_xlabel(f"cases that have it among their nearest {hubs.k} patients")
        axes.set_ylabel("cases")
        legend_beside(axes)
        return svg_text(canvas)
