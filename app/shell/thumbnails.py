"""Small pictures of the bank's cases; each is made once, and only when it is shown."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence

import streamlit as st

from medsiam import Case, MedsiamError, ReferenceBank
from medsiam.reports import thumbnail_png
from shell.plain_text import in_html

THUMBNAIL, LARGE = 224, 512  # pixels

STYLE = """<style>
.thumb { margin: 0; display: inline-block; vertical-align: top; max-width: 100%; }
.thumb img { display: block; max-width: 100%; object-fit: contain; background: #000; }
.thumb .missing { display: flex; align-items: center; justify-content: center; padding: .5rem;
  border: 1px dashed; opacity: .7; font-size: .8rem; text-align: center; }
.thumb.small, .thumb.large { width: 100%; }
.thumb.small img, .thumb.small .missing { width: 100%; aspect-ratio: 4 / 3; }
.thumb.large img { width: 100%; max-height: 22rem; }
.thumb.beside img, .thumb.beside .missing { width: 6.5rem; height: 6.5rem; }
.thumb figcaption { font-size: .8rem; line-height: 1.35; overflow-wrap: anywhere; }
.thumb figcaption b { font-size: .87rem; }
.thumb.beside { width: 6.5rem; margin: 0 .6rem .5rem 0; }
.proof { border: 1px solid; border-radius: 3px; padding: 0 .3rem; white-space: nowrap; }
.proof.unproven { border: 1px dashed #E69F00;
  background: repeating-linear-gradient(135deg, #E69F0033 0 4px, transparent 4px 8px); }
</style>"""


def pictures(bank: ReferenceBank, case: Case, *, longest: int = THUMBNAIL) -> tuple[bytes, ...]:
    """Return a PNG of the middle slice of each scan of a case; () where the bank keeps none.

    Raises:
        BankError: a kept scan is missing or damaged.
    """
    if not bank.keeps_pixels:
        return ()
    return _pictures(str(bank.path), case.case_id, case.content_hashes, longest, _bank=bank)


@st.cache_resource(max_entries=2000, show_spinner=False)
def _pictures(
    bank_path: str,
    case_id: str,
    content_hashes: tuple[str, ...],
    longest: int,
    *,
    _bank: ReferenceBank,
) -> tuple[bytes, ...]:
    """The hashes tell a case from a later one of its name."""
    return tuple(thumbnail_png(scan, longest=longest) for scan in _bank.scans(case_id))


def thumbnail_html(bank: ReferenceBank, case: Case, *, kind: str = "small", more: str = "") -> str:
    """A case as a figure: its picture, or why there is none, and what it is.

    Args:
        bank: which holds it.
        case: to show.
        kind: "small" fills its column, "beside" stands in a row of figures.
        more: a further line of the caption.
    """
    try:
        shown = pictures(bank, case)
        image = (
            picture_html(shown[0], f"case {case.case_id}") if shown else _missing("no pixels kept")
        )
    except MedsiamError:
        image = _missing("its kept scan is missing or damaged")
    return (
        f'<figure class="thumb {kind}">{image}<figcaption><b>{in_html(case.condition)}</b>'
        f"<br>{proof_html(case.proof)}"
        f"{f'<br>{in_html(more)}' if more else ''}</figcaption></figure>"
    )


def strip_html(bank: ReferenceBank, cases: Sequence[tuple[Case, str]]) -> str:
    """Cases side by side, each with its case_id and a line of words."""
    return "".join(
        thumbnail_html(bank, case, kind="beside", more=f"{case.case_id} {said}".strip())
        for case, said in cases
    )


def picture_html(png: bytes, alt: str) -> str:
    """A PNG within the page itself: no address that another could guess."""
    return f'<img alt="{in_html(alt)}" src="data:image/png;base64,{b64encode(png).decode()}">'


def proof_html(proof: str) -> str:
    """How the diagnosis was proven, hatched where it was not."""
    if proof == "none":
        return '<span class="proof unproven">without proof</span>'
    return f'<span class="proof">{in_html(proof)}</span>'


def _missing(why: str) -> str:
    return f'<div class="missing">{in_html(why)}</div>'
