"""Once the weights are final: what is fitted on them, measured and written down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from medsiam.encoders import Encoder, TwinEncoder
from medsiam.encoders.anatomy import AnatomyBackbone
from medsiam.encoders.whitening import Whitening
from medsiam.training.alarms import source_alarm
from medsiam.training.card import card_fields
from medsiam.training.dataset import PreparedScans
from medsiam.training.settings import TrainingConfig, WhiteningSettings
from medsiam.training.starting import mix
from medsiam.training.validation import embed_part, validate
from medsiam.training.verification import fit_verification

_BATCH = 32


@dataclass(frozen=True, eq=False)
class Finished:
    """The encoder to be saved, its validation score, and all that a person should read."""

    encoder: Encoder
    score: float
    warnings: tuple[str, ...]


def finish(
    encoder: Encoder,
    config: TrainingConfig,
    parts: Mapping[str, PreparedScans],
    start: Mapping[str, torch.Tensor],
    *,
    best_epoch: int,
    warnings: Sequence[str],
) -> Finished:
    """Fit what is fitted on final weights, measure the result and write its card.

    Args:
        encoder: with the weights of the best epoch; its network is changed.
        config: of the run.
        parts: "training" to fit on, "validation" to measure on.
        start: the backbone's start weights, or nothing.
        best_epoch: for the card.
        warnings: said so far, for the card.

    """
    network = encoder.network
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    network.eval()
    mix(network, start, config.start.share)
    fit_scale(network, parts["training"])
    fit_whitening(encoder, parts["training"], config.whitening)
    encoder = encoder.with_card()
    scans = parts["validation"]
    validation, embeddings = validate(encoder, scans), embed_part(encoder, scans)
    verification = fit_verification(
        embeddings,
        scans.conditions,
        scans.subjects,
        metric="cosine",
        measured_on=f"validation part of {config.data.name}",
    )
    alarm = source_alarm(embeddings, scans.rows)
    said = (*warnings, alarm.sentence) if alarm else tuple(warnings)
    fields = card_fields(
        config, parts, validation, embeddings, best_epoch=best_epoch, warnings=said
    )
    encoder = encoder.with_card(**fields, verification=verification)
    return Finished(encoder, validation.score, said)


def fit_scale(network: TwinEncoder, scans: PreparedScans) -> None:
    """Fit the scale of the measures on the training part, where the encoder is one that measures.

    Args:
        network: with final weights; the scale of its backbone is changed.
        scans: the training part.
    """
    backbone = network.backbone
    if not isinstance(backbone, AnatomyBackbone):
        return
    network.eval()
    with torch.inference_mode():
        measures = [backbone.measures(volume[None]) for volume in scans.tensors]
    backbone.scale.fit(torch.cat(measures))


def fit_whitening(encoder: Encoder, scans: PreparedScans, settings: WhiteningSettings) -> None:
    """Fit the network's whitening on the training part.

    Args:
        encoder: with final weights; its whitening is changed.
        scans: the training part.
        settings: whose scatter is divided out, and how much it is shrunk.
    """
    network = encoder.network
    if not isinstance(network.whitening, Whitening) or settings.scatter == "none":
        return
    network.eval()
    starts = range(0, len(scans.tensors), _BATCH)
    with torch.inference_mode():
        batches = [network.whitening_samples(scans.tensors[i : i + _BATCH]) for i in starts]
    samples = torch.cat(batches, dim=1)
    conditions = scans.conditions * len(samples) if settings.scatter == "conditions" else None
    network.whitening.fit(samples.flatten(0, 1), conditions, shrinkage=settings.shrinkage)
