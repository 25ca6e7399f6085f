"""The encoder's card: what it is, what it takes, what it was trained on, how good it was."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from medsiam.preprocessing.recipe import Recipe

INTENDED_USE = (
    "Research use only. Not a medical device; not for diagnosis. Compares a scan with reference "
    "cases of the same kind of image as the training data."
)

BACKBONES = (
    "resnet10",
    "resnet18",
    "resnet34",
    "resnet50",
    "densenet121",
    "efficientnet-b0",
    "vit",
)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Architecture(_Record):
    """Everything needed to build the network again, and nothing else."""

    spatial_dims: Literal[2, 3]
    backbone: Literal[
        "resnet10", "resnet18", "resnet34", "resnet50", "densenet121", "efficientnet-b0", "vit"
    ]
    in_channels: Literal[1, 3] = 1
    embedding_dim: int = Field(default=128, ge=2)
    width: float = Field(default=1.0, gt=0, le=2, description="channel multiplier of the ResNets")
    standardize: bool = Field(
        default=False, description="each dimension of mean 0 and variance 1 over the training scans"
    )
    normalize: bool = Field(default=True, description="embeddings of unit length")
    image_size: tuple[int, ...] | None = Field(
        default=None, description="input size; ViT alone needs it"
    )


class TrainingData(_Record):
    """One data set the weights depend on."""

    name: str
    licence: str
    n_scans: int
    n_patients: int | None = None
    source: str | None = None


class MeasuredMetric(_Record):
    """One figure with its interval and what chance and majority would score."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int
    unit_of_n: str = "patients"
    chance: float | None = None
    majority: float | None = None
    measured_on: str


class Verification(_Record):
    """Threshold of the 1:1 question "same condition?", or the reason why there is none."""

    threshold: float | None = None
    reason: str | None = "no threshold was calibrated for this encoder"

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.threshold is None) == (self.reason is None):
            raise ValueError("give a threshold, or the reason why there is none")
        return self


class EncoderCard(_Record):
    """Saved beside the weights as card.json; `fingerprint` ties both together."""

    name: str
    medsiam_version: str
    created: str = Field(description="UTC, ISO 8601")
    architecture: Architecture
    recipe: Recipe
    training_data: tuple[TrainingData, ...] = ()
    licence: str = Field(description="licence of the weights: what the training data allow")
    conditions_seen: tuple[str, ...] = ()
    metrics: tuple[MeasuredMetric, ...] = ()
    verification: Verification = Verification()
    intended_use: str = INTENDED_USE
    notes: str | None = None
    fingerprint: str = Field(description="sha256 over weights, recipe and architecture")

    @model_validator(mode="after")
    def _recipe_fits(self) -> Self:
        if self.recipe.spatial_dims != self.architecture.spatial_dims:
            raise ValueError("recipe and architecture differ in spatial_dims")
        if self.recipe.in_channels != self.architecture.in_channels:
            raise ValueError("recipe and architecture differ in in_channels")
        return self
