"""A calibration as one self-contained HTML page, with a reliability plot as SVG."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path

from medsiam.comparison.calibration import Calibration
from medsiam.comparison.reliability import Reliability
from medsiam.comparison.result import RESEARCH_USE
from medsiam.reports.calibration_words import calibration_rows, calibration_sentences
from medsiam.writing import write_atomically

_SIDE = 320  # of the plot, in pixels
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_calibration_page(found: Calibration, bank_name: str, path: Path | str) -> None:
    """Write the page, whole or not at all.

    Raises:
        OutputError: where the file cannot be written.
    """
    write_atomically(path, calibration_page(found, bank_name).encode())


def calibration_page(found: Calibration, bank_name: str) -> str:
    """The HTML of `write_calibration_page`."""
    header, rows = calibration_rows(found)
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join(
        "<tr>"
        + "".join(f"<td>{escape(cell).replace(chr(10), '<br>')}</td>" for cell in row)
        + "</tr>\n"
        for row in rows
    )
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in calibration_sentences(found))
    chosen = found.of(found.metric)
    plot = ""
    if chosen is not None and chosen.probabilities is not None:
        plot = _reliability(chosen.probabilities.reliability)
    style = files("medsiam.reports").joinpath("page.css").read_text("utf-8")
    title = f"Calibration of bank {escape(bank_name)}, version {found.bank_version}"
    return (
        "<!doctype html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        f"<title>{title}</title>\n<style>\n{style}</style>\n</head>\n"
        f"<body class='nearest'>\n<p class='rule'>{escape(RESEARCH_USE)}</p>\n<main>\n"
        f"<section class='verdict'><div class='kind'>What distances mean</div><h1>{title}</h1>"
        f"{said}</section>\n<h2>Every metric and rule, each case without its own patient</h2>\n"
        f"<table class='small'><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"
        "<p class='legend'>* recommended. Brier score and calibration error: lower is better.</p>\n"
        f"{plot}</main>\n</body>\n</html>\n"
    )


def _reliability(seen: Reliability) -> str:
    """Given against observed; a dot's area grows with the answers it stands for."""
    dots = "".join(
        f"<circle cx='{_SIDE * part.probability:.1f}' cy='{_SIDE * (1 - part.observed):.1f}' "
        f"r='{3 + 18 * part.weight:.1f}'><title>given {part.probability:.2f}, observed "
        f"{part.observed:.2f}</title></circle>"
        for part in seen.bins
    )
    return (
        "<h2>Do probabilities mean what they say?</h2>\n"
        f"<svg viewBox='-40 -10 {_SIDE + 60} {_SIDE + 50}' width='{_SIDE + 60}' role='img' "
        "aria-label='Reliability plot' fill='#62c2b5' font-size='12'>"
        f"<rect width='{_SIDE}' height='{_SIDE}' fill='none' stroke='#2a333d'/>"
        f"<line x1='0' y1='{_SIDE}' x2='{_SIDE}' y2='0' stroke='#7d8894'/>{dots}"
        f"<text x='0' y='{_SIDE + 30}' fill='#a9b4bf'>probability given, 0 to 1</text>"
        "<text x='0' y='0' transform='translate(-14 320) rotate(-90)' fill='#a9b4bf'>"
        "share that was right, 0 to 1</text></svg>\n"
        f"<p class='legend'>Each dot is a tenth of {seen.n_answers} pairs of a case and one of its "
        f"five nearest patients, {seen.n_patients} patients asking, on fits without them. Perfect "
        "probabilities lie on the line.</p>\n"
    )
