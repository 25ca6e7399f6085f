"""Everything that decides a training run, as one frozen record; the TOML file has this shape."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from medsiam.encoders import Architecture
from medsiam.preprocessing import Augmentation, Recipe


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RunSettings(_Section):
    """`[run]`: what the run is called and where all its randomness starts."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="also the encoder's name"
    )
    seed: int = Field(default=0, ge=0, lt=2**32)


class DataSettings(_Section):
    """`[data]`: the case table, and what the encoder's card must say about it."""

    cases: Annotated[Path, Field(strict=False, description="CSV, absolute or as seen from here")]
    base_conditions: Annotated[tuple[str, ...], Field(strict=False)] | None = Field(
        default=None, description="conditions to train on; None: all. The others are never read"
    )
    name: str = Field(description="name of the data set")
    licence: str = Field(description="licence of the data; the weights carry it")
    source: str | None = Field(default=None, description="where the data come from")


class SplitSettings(_Section):
    """`[split]`: which subjects train and which validate."""

    validation_fraction: float = Field(
        default=0.2, gt=0, lt=1, description="of each condition's subjects"
    )
    train: str | None = Field(
        default=None, description="value of the table's `split` column to train on"
    )
    validation: str | None = Field(
        default=None, description="value to validate on; None: a part of the training rows"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.validation is not None and self.train is None:
            raise ValueError("split.validation needs split.train beside it")
        if self.validation is not None and self.validation == self.train:
            raise ValueError("split.train and split.validation must differ")
        return self


class EncoderSettings(_Section):
    """`[encoder]`: the network; dimensions and channels follow from the recipe."""

    backbone: Literal[
        "resnet10", "resnet18", "resnet34", "resnet50", "densenet121", "efficientnet-b0", "vit"
    ] = "resnet10"
    embedding_dim: int = Field(default=128, ge=2)
    width: float = Field(default=1.0, gt=0, le=2, description="channel multiplier of the ResNets")
    standardize: bool = Field(
        default=False,
        description="each dimension of mean 0 and variance 1 over the training scans, by batch "
        "normalisation; helps where all embeddings start alike",
    )
    normalize: bool = Field(default=True, description="embeddings of unit length")


class SamplingSettings(_Section):
    """`[sampling]`: each step sees P conditions with K scans of each."""

    conditions_per_batch: int | None = Field(
        default=None, ge=2, description="P; None: all conditions"
    )
    scans_per_condition: int = Field(default=8, ge=2, description="K")
    steps_per_epoch: int = Field(default=20, ge=1)


class LossSettings(_Section):
    """`[loss]`: contrastive learns from pairs, triplet from triplets, supcon from whole batches."""

    kind: Literal["contrastive", "triplet", "supcon"] = "triplet"
    margin: float = Field(default=0.3, gt=0, description="of contrastive and triplet")
    temperature: float = Field(default=0.1, gt=0, description="of supcon")


class OptimiserSettings(_Section):
    """`[optimiser]`: AdamW."""

    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)


class ScheduleSettings(_Section):
    """`[schedule]`: the rate rises for `warmup_epochs`, then falls along a half cosine to 0."""

    epochs: int = Field(default=30, ge=1)
    warmup_epochs: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.warmup_epochs >= self.epochs:
            raise ValueError("schedule.warmup_epochs must be smaller than schedule.epochs")
        return self


class EarlyStopSettings(_Section):
    """`[early_stop]`: stop when validation has not improved for so many epochs."""

    patience: int = Field(default=10, ge=1)


class TrainingConfig(_Section):
    """One training run. Built in code, or from TOML by `medsiam.config.load_config`."""

    run: RunSettings
    data: DataSettings
    split: SplitSettings = SplitSettings()
    recipe: Recipe
    encoder: EncoderSettings = EncoderSettings()
    augmentation: Augmentation = Augmentation()
    sampling: SamplingSettings = SamplingSettings()
    loss: LossSettings = LossSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    early_stop: EarlyStopSettings = EarlyStopSettings()

    @property
    def architecture(self) -> Architecture:
        """The network this run trains."""
        return Architecture(
            spatial_dims=self.recipe.spatial_dims,
            in_channels=self.recipe.in_channels,
            image_size=self.recipe.spatial_size if self.encoder.backbone == "vit" else None,
            **self.encoder.model_dump(),
        )
