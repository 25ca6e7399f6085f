from __future__ import annotations

import pytest

from encoder_pages.page import TABS
from medsiam.encoders import SHIPPED, read_card
from tests.app.conftest import text_of


def script():
    from encoder_pages.page import encoder_page

    encoder_page()


@pytest.mark.parametrize("tab", TABS)
def test_every_tab_draws_without_a_fault(start, bank_2d, tab, monkeypatch):
    monkeypatch.delenv("MEDSIAM_REVIEW_RUNS", raising=False)
    app = start(bank_2d, script=script)
    app.session_state["encoder tab"] = tab
    app.run()
    assert not app.exception
    assert not app.error


def test_the_banks_own_card_comes_first(start, bank_2d):
    assert bank_2d.encoder_card.fingerprint in text_of(start(bank_2d, script=script))


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_encoder_can_be_looked_at(start, bank_2d, name):
    app = start(bank_2d, script=script)
    app.session_state["encoder tab"] = "Shipped with medsiam"
    app.session_state["shipped encoder"] = name
    app.run()
    assert not app.exception
    card = read_card(name)
    assert card.fingerprint in text_of(app)
    assert len(app.dataframe[0].value) == len(card.metrics)
    assert "distances of two encoders mean nothing" in text_of(app)
