"""The twin head of a bank's encoder, as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from medsiam.comparison.space import TwinHead
from medsiam.errors import UsageError

if TYPE_CHECKING:
    from medsiam.bank import ReferenceBank
    from medsiam.encoders.card import EncoderCard


def has_twin_head(card: EncoderCard) -> bool:
    """Whether the head speaks about the embeddings that the encoder gives.

    It has learned on embeddings as they were before whitening was fitted.
    """
    architecture = card.architecture
    return architecture.match_head and architecture.whitened_domains == 0


def read_twin_head(bank: ReferenceBank) -> TwinHead:
    """Take the head out of the bank's encoder, which is loaded for it.

    Raises:
        UsageError: the encoder has no such head.
    """
    if not has_twin_head(bank.encoder_card):
        raise UsageError(
            f"metric match needs an encoder with a twin head, and encoder "
            f"{bank.encoder_card.name} of bank {bank.name} has none; use cosine, euclidean or "
            "mahalanobis"
        )
    head = bank.encoder.network.match_head
    if head is None:
        raise UsageError(f"encoder {bank.encoder_card.name} has lost its twin head")
    weight = head.weight.detach().cpu().numpy().astype(np.float64)
    return TwinHead(weight, float(head.bias.detach()))
