"""The course of a training run as one self-contained page: loss, validation, rate by epoch."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from medsiam.writing import write_atomically

_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_STYLE = (
    "body{margin:24px auto;max-width:960px;padding:0 16px;font:15px/1.5 system-ui,sans-serif;"
    "color:#1d2329;background:#fff}svg{max-width:100%;height:auto}"
    "table{border-collapse:collapse;margin:12px 0}td,th{padding:4px 14px 4px 0;text-align:left;"
    "border-bottom:1px solid #d7dce1;vertical-align:top}th{min-width:180px}"
    ".rule{color:#5a6570;font-size:13px}"
)
_PANELS = (
    ("loss", "Loss on the training part"),
    ("validation_score", "Validation score of each epoch, before mixing and whitening, if any"),
    ("learning_rate", "Learning rate"),
)
_MOST_CONDITIONS = 30  # named; the card has all
_RULE = "Research use only. Not a medical device. Not for diagnosis."


def write_training_page(run: Path) -> None:
    """Write `report.html` of a finished run from what lies in its folder.

    Args:
        run: with `encoder/card.json`; `metrics.jsonl` is there where anything was trained.

    Raises:
        OutputError: where the page cannot be written.
    """
    card = json.loads((run / "encoder" / "card.json").read_text("utf-8"))
    metrics = run / "metrics.jsonl"
    lines = metrics.read_text("utf-8").splitlines() if metrics.is_file() else []
    write_atomically(run / "report.html", training_page(card, [json.loads(x) for x in lines]))


def training_page(card: Mapping[str, Any], epochs: Sequence[Mapping[str, Any]]) -> str:
    """Return the page.

    Args:
        card: of the encoder, as JSON holds it.
        epochs: one record per epoch, as in metrics.jsonl; empty: nothing was trained.
    """
    curves = draw_curves(epochs) if epochs else "<p>Nothing was trained: the start weights.</p>"
    facts = [
        ("Encoder", f"{card['name']}, fingerprint {card['fingerprint'][:12]}"),
        ("Created", card["created"]),
        *((metric["name"], _figure(metric)) for metric in card["metrics"]),
        *(("Trained on", _data(data)) for data in card["training_data"]),
        ("Conditions", _conditions(card["conditions_seen"])),
        ("Notes", card["notes"] or "none"),
    ]
    rows = "".join(f"<tr><th>{escape(k)}</th><td>{escape(v)}</td></tr>" for k, v in facts)
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f"<meta http-equiv='Content-Security-Policy' content=\"{_POLICY}\">\n"
        f"<title>Training of {escape(card['name'])}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<p class='rule'>{_RULE}</p>\n<h1>Training of {escape(card['name'])}</h1>\n"
        f"<table>{rows}</table>\n{curves}\n"
        "<p>Validation is on conditions seen in training. What counts is the score on unseen "
        "ones: <code>medsiam embed</code>, then <code>medsiam evaluate</code>.</p>\n"
        "</body>\n</html>\n"
    )


def draw_curves(epochs: Sequence[Mapping[str, Any]]) -> str:
    """Return loss, validation and rate by epoch as inline SVG; the best epoch is marked."""
    figure = Figure(figsize=(9, 7.5), layout="constrained")
    numbers = [epoch["epoch"] for epoch in epochs]
    scores = [epoch.get("validation_score", 0.0) for epoch in epochs]
    best = max(range(len(epochs)), key=lambda i: (scores[i], i))
    axes = figure.subplots(len(_PANELS), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (key, title) in zip(axes, _PANELS, strict=True):
        values = [epoch.get(key, float("nan")) for epoch in epochs]
        axis.plot(numbers, values, marker="." if len(numbers) < 40 else None, color="#1f6f8b")
        axis.axvline(numbers[best], color="#b5651d", linewidth=1, linestyle="--")
        axis.set_title(title, loc="left", fontsize=11)
        axis.grid(alpha=0.3)
    axes[-1].set_xlabel(f"epoch (dashed: {numbers[best]}, whose weights were kept)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    return stream.getvalue()[stream.getvalue().index("<svg") :]


def _conditions(names: Sequence[str]) -> str:
    more = len(names) - _MOST_CONDITIONS
    listed = ", ".join(names[:_MOST_CONDITIONS])
    return f"{len(names)}: {listed}" + (f" and {more} more, on the card" if more > 0 else "")


def _figure(metric: Mapping[str, Any]) -> str:
    interval = f" [{metric['low']:.2f}, {metric['high']:.2f}]" if metric["low"] is not None else ""
    chance = f"; chance {metric['chance']:.3g}" if metric["chance"] is not None else ""
    majority = f"; majority {metric['majority']:.3g}" if metric["majority"] is not None else ""
    return (
        f"{metric['value']:.3f}{interval}, {metric['n']} {metric['unit_of_n']}{chance}{majority}; "
        f"{metric['measured_on']}"
    )


def _data(data: Mapping[str, Any]) -> str:
    patients = f", {data['n_patients']} patients" if data["n_patients"] is not None else ""
    return f"{data['name']} ({data['licence']}): {data['n_scans']} scans{patients}"
