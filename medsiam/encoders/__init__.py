"""ENCODE: from a tensor to an embedding, with the card that says what the encoder is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from medsiam._lazy import lazy_names

if TYPE_CHECKING:
    from medsiam.encoders.attribution import SimilarityMap as SimilarityMap
    from medsiam.encoders.attribution import check_has_maps as check_has_maps
    from medsiam.encoders.attribution import similarity_maps as similarity_maps
    from medsiam.encoders.baselines.ladder import Ladder as Ladder
    from medsiam.encoders.baselines.ladder import embed_baselines as embed_baselines
    from medsiam.encoders.card import BACKBONES as BACKBONES
    from medsiam.encoders.card import AnatomyPlan as AnatomyPlan
    from medsiam.encoders.card import Architecture as Architecture
    from medsiam.encoders.card import EncoderCard as EncoderCard
    from medsiam.encoders.card import MeasuredMetric as MeasuredMetric
    from medsiam.encoders.card import TrainingData as TrainingData
    from medsiam.encoders.card import Verification as Verification
    from medsiam.encoders.checkpoint import in_half_precision as in_half_precision
    from medsiam.encoders.checkpoint import load_encoder as load_encoder
    from medsiam.encoders.checkpoint import read_card as read_card
    from medsiam.encoders.checkpoint import save_encoder as save_encoder
    from medsiam.encoders.domains import join_domains as join_domains
    from medsiam.encoders.embeddings_file import load_embeddings as load_embeddings
    from medsiam.encoders.embeddings_file import save_embeddings as save_embeddings
    from medsiam.encoders.encoder import Encoder as Encoder
    from medsiam.encoders.encoder import new_encoder as new_encoder
    from medsiam.encoders.export import export_onnx as export_onnx
    from medsiam.encoders.export import export_openvino as export_openvino
    from medsiam.encoders.exported import Exported as Exported
    from medsiam.encoders.exported import RuntimeParity as RuntimeParity
    from medsiam.encoders.exported import write_exported as write_exported
    from medsiam.encoders.match_head import MatchHead as MatchHead
    from medsiam.encoders.parity import measurable_runtimes as measurable_runtimes
    from medsiam.encoders.parity import measure_parity as measure_parity
    from medsiam.encoders.pixels import pixel_embeddings as pixel_embeddings
    from medsiam.encoders.robustness import PERTURBATIONS as PERTURBATIONS
    from medsiam.encoders.robustness import PerturbedEmbeddings as PerturbedEmbeddings
    from medsiam.encoders.robustness import embed_perturbed as embed_perturbed
    from medsiam.encoders.runtimes import RUNTIMES as RUNTIMES
    from medsiam.encoders.runtimes import RuntimeChoice as RuntimeChoice
    from medsiam.encoders.runtimes import RuntimeName as RuntimeName
    from medsiam.encoders.shipped import SHIPPED as SHIPPED
    from medsiam.encoders.shipped import encoder_folder as encoder_folder
    from medsiam.encoders.start import load_start as load_start
    from medsiam.encoders.table import RowFailure as RowFailure
    from medsiam.encoders.table import TableEmbeddings as TableEmbeddings
    from medsiam.encoders.table import embed_case_rows as embed_case_rows
    from medsiam.encoders.twin import TwinEncoder as TwinEncoder
    from medsiam.encoders.whitening import Whitening as Whitening

_HOMES = {
    "BACKBONES": ".card",
    "AnatomyPlan": ".card",
    "Architecture": ".card",
    "Encoder": ".encoder",
    "EncoderCard": ".card",
    "Exported": ".exported",
    "Ladder": ".baselines.ladder",
    "MatchHead": ".match_head",
    "MeasuredMetric": ".card",
    "RowFailure": ".table",
    "PERTURBATIONS": ".robustness",
    "PerturbedEmbeddings": ".robustness",
    "RUNTIMES": ".runtimes",
    "RuntimeChoice": ".runtimes",
    "RuntimeName": ".runtimes",
    "RuntimeParity": ".exported",
    "SHIPPED": ".shipped",
    "SimilarityMap": ".attribution",
    "TableEmbeddings": ".table",
    "TrainingData": ".card",
    "TwinEncoder": ".twin",
    "Verification": ".card",
    "Whitening": ".whitening",
    "embed_baselines": ".baselines.ladder",
    "embed_case_rows": ".table",
    "embed_perturbed": ".robustness",
    "encoder_folder": ".shipped",
    "export_onnx": ".export",
    "export_openvino": ".export",
    "in_half_precision": ".checkpoint",
    "join_domains": ".domains",
    "load_embeddings": ".embeddings_file",
    "load_encoder": ".checkpoint",
    "load_start": ".start",
    "measurable_runtimes": ".parity",
    "measure_parity": ".parity",
    "new_encoder": ".encoder",
    "pixel_embeddings": ".pixels",
    "read_card": ".checkpoint",
    "save_embeddings": ".embeddings_file",
    "save_encoder": ".checkpoint",
    "check_has_maps": ".attribution",
    "write_exported": ".exported",
    "similarity_maps": ".attribution",
}

__all__ = [*_HOMES]
__getattr__ = lazy_names(__name__, _HOMES)
