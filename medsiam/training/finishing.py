"""Once the weights are final: share of the start, scale of measures, whitening, threshold, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from medsiam.encoders import Encoder, TwinEncoder
from medsiam.encoders.anatomy import AnatomyBackbone
from medsiam.encoders.whitening import Whitening
from medsiam.training.card import card_fields
from medsiam.training.dataset import PreparedScans
from medsiam.training.settings import TrainingConfig, WhiteningSettings
from medsiam.training.starting import mix
from medsiam.training.validation import embed_part, validate
from medsiam.training.verification import fit_verification

_BATCH = 32


def finish(
    encoder: Encoder,
    config: TrainingConfig,
    parts: Mapping[str, PreparedScans],
    start: Mapping[str, torch.Tensor],
    *,
    best_epoch: int,
    warnings: Sequence[str],
) -> tuple[Encoder, float]:
    """Fit what is fitted on final weights, measure the result and write its card.

    Args:
        encoder: with the weights of the best epoch; its network is changed.
        config: of the run.
        parts: "training" to fit on, "validation" to measure on.
        start: the backbone's start weights, or nothing.
        best_epoch: for the card.
        warnings: for the card.

    Returns:
        the encoder to be saved, and its validation score.
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
    fields = card_fields(
        config, parts, validation, embeddings, best_epoch=best_epoch, warnings=warnings
    )
    return encoder.with_card(**fields, verification=verification), validation.score


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
    """Fit the network's whitening on the training part, every view of a scan a sample.

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
        batches = [network.view_features(scans.tensors[i : i + _BATCH]) for i in starts]
    views = torch.cat(batches, dim=1)
    conditions = scans.conditions * len(views) if settings.scatter == "conditions" else None
    network.whitening.fit(views.flatten(0, 1), conditions, shrinkage=settings.shrinkage)
