"""One encoder for several kinds of scans: the same network, a whitening for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch

from medsiam.encoders.card import EncoderCard, Verification
from medsiam.encoders.encoder import Encoder
from medsiam.encoders.twin import TwinEncoder
from medsiam.encoders.whitening import Whitening
from medsiam.errors import EncoderMismatchError

_SHARED = ("architecture", "recipe")


def join_domains(encoders: Sequence[Encoder], *, name: str, notes: str) -> Encoder:
    """Join encoders that differ in their whitening alone.

    A scan then takes the whitening of the kind of scan it looks like, and none where it looks like
    none of them (`Whitening`).

    Args:
        encoders: at least two, each with one whitened domain.
        name: of the joined encoder.
        notes: for its card; the single cards' notes and figures are left out, as they are not
            about this encoder.

    Raises:
        EncoderMismatchError: other architectures, recipes or weights.
    """
    first = encoders[0]
    for other in encoders:
        _check_alike(first, other)
    architecture = first.card.architecture.model_copy(update={"whitened_domains": len(encoders)})
    network = TwinEncoder.from_architecture(architecture).eval()
    state = dict(first.network.state_dict())
    for key in Whitening(1).state_dict():
        parts = [encoder.network.state_dict()[f"whitening.{key}"] for encoder in encoders]
        state[f"whitening.{key}"] = torch.cat(parts)
    network.load_state_dict(state)
    cards = [encoder.card for encoder in encoders]
    return Encoder(network, first.card).with_card(
        name=name,
        architecture=architecture,
        # Once each: they share the data of their start weights.
        training_data=tuple(dict.fromkeys(chain.from_iterable(c.training_data for c in cards))),
        licence="; ".join(dict.fromkeys(card.licence for card in cards)),
        conditions_seen=_sorted_union(cards),
        metrics=(),
        verification=Verification(reason="several kinds of scans have no threshold in common"),
        notes=notes,
    )


def _check_alike(first: Encoder, other: Encoder) -> None:
    for field in _SHARED:
        if getattr(first.card, field) != getattr(other.card, field):
            raise EncoderMismatchError(f"{first!r} and {other!r} differ in their {field}")
    if first.card.architecture.whitened_domains != 1:
        raise EncoderMismatchError(f"{first!r} needs exactly one whitened domain to be joined")
    theirs = other.network.state_dict()
    for key, value in first.network.state_dict().items():
        if not key.startswith("whitening.") and not torch.equal(value, theirs[key]):
            raise EncoderMismatchError(
                f"{first!r} and {other!r} differ in {key}: only their whitening may differ"
            )


def _sorted_union(cards: Sequence[EncoderCard]) -> tuple[str, ...]:
    return tuple(sorted(set(chain.from_iterable(card.conditions_seen for card in cards))))
