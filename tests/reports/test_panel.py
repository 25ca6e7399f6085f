from __future__ import annotations

import numpy as np

from medsiam.comparison import compare_embedding
from medsiam.reports import encode_png, nameless
from medsiam.reports.panel import panel
from medsiam.reports.pdf_films import Film
from tests.comparison.stub_bank import make_scan, ring_bank


def answer(**facts):
    bank = ring_bank(**facts)
    return nameless(compare_embedding(bank.embeddings[0], make_scan(), bank, k=3))


def film(title, level, n=1):
    png = encode_png(np.full((64, 32), level, np.uint8))
    return Film(title, ((png, "slice"),) * n)


def test_columns_stand_in_rank_order_and_pictures_keep_their_proportions():
    drawn = np.asarray(panel(answer(), [film("Query", 70), film("1. A", 130), film("2. B", 200)]))
    lefts = []
    for level in (70, 130, 200):
        rows, columns = np.nonzero((drawn == level).all(axis=2))
        lefts.append(columns.min())
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert 1.9 < height / width < 2.1
    assert lefts == sorted(lefts)


def test_what_has_no_picture_or_a_very_long_name_is_drawn_all_the_same():
    names = ("a condition with a name that never ends " * 8, "リウマチ")
    drawn = panel(answer(conditions=names), [film("Query", 90, n=3), Film(names[0], ())])
    assert drawn.mode == "RGB"
    assert drawn.width < 2000
    taller = panel(answer(), [film("Query", 90, n=3)])
    assert taller.height > panel(answer(), [film("Query", 90)]).height
