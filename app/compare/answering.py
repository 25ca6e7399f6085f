"""From scans to a comparison, encoding each study once per visit."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from compare.settings import Settings
from medsiam import Comparison, ReferenceBank, Scan
from medsiam.comparison import compare_embedding
from shell.inference import on_worker

# What one visitor has asked stays in his own session: equal pixels of two patients must not mix.
# Scans are told apart by identity, since the picker reads each of them once.
_EMBEDDING = "last embedding"
_ANSWER = "last answer"


def answer(scans: tuple[Scan, ...], bank: ReferenceBank, settings: Settings) -> Comparison:
    """Compare, or return the last answer where nothing has changed: not even the bank.

    Raises:
        MedsiamError: the scans cannot be compared with this bank.
    """
    # A calibration changes answers, and not the version.
    asked = (scans, settings, str(bank.path), bank.version, bank.calibration)
    known = st.session_state.get(_ANSWER)
    if known is None or known[0] != asked:
        embedding = embedding_of(scans, bank)
        comparison = compare_embedding(embedding, scans, bank, **settings._asdict())
        known = st.session_state[_ANSWER] = (asked, comparison)
    return known[1]


def last_answer() -> Comparison | None:
    """What this visitor was answered last; None where nothing was asked yet."""
    known = st.session_state.get(_ANSWER)
    return None if known is None else known[1]


def embedding_of(scans: tuple[Scan, ...], bank: ReferenceBank) -> NDArray[np.float32]:
    """Encode, or return the last embedding where the scans are the same."""
    asked = (scans, bank.encoder_card.fingerprint)
    known = st.session_state.get(_EMBEDDING)
    if known is None or known[0] != asked:
        known = (asked, on_worker("Comparing with the bank", lambda: bank.encoder.embed(scans)))
        st.session_state[_EMBEDDING] = known
    return known[1]
