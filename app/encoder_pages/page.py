"""Encoders: the one of this bank, those that medsiam ships, and training runs."""

from __future__ import annotations

import streamlit as st

from medsiam import EncoderCard
from medsiam.encoders import SHIPPED
from shell.open_bank import the_bank

TABS = ("Of this bank", "Calibration", "Shipped with medsiam", "Training runs")


def encoder_page() -> None:
    """Draw the page."""
    bank = the_bank()
    card = bank.encoder_card
    st.subheader("Encoders")
    own, calibration, shipped, runs = st.tabs(TABS, on_change="rerun", key="encoder tab")
    # Only what is looked at is drawn, and loaded: charts take a second.
    if own.open:
        from encoder_pages.card import show_card

        with own:
            show_card(card)
    if calibration.open:
        from bank_pages.calibration import show_calibration

        with calibration:
            show_calibration(bank)
    if shipped.open:
        with shipped:
            _show_shipped(card)
    if runs.open:
        from encoder_pages.training_runs import show_training_runs

        with runs:
            show_training_runs()


def _show_shipped(own: EncoderCard) -> None:
    from encoder_pages.card import show_card

    name = st.segmented_control(
        "Encoder", SHIPPED, default=SHIPPED[0], required=True, key="shipped encoder"
    )
    card = _shipped_card(str(name))
    said = "the encoder of this bank" if card.fingerprint == own.fingerprint else (
        "a bank of it is made with `medsiam bank create BANK --encoder "
        f"{name}`; distances of two encoders mean nothing to each other"
    )  # fmt: skip
    st.caption(f"{said[0].upper()}{said[1:]}.")
    show_card(card)


@st.cache_resource(show_spinner=False)
def _shipped_card(name: str) -> EncoderCard:
    from medsiam.encoders import read_card  # which loads torch

    return read_card(name)
