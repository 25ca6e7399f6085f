"""Everything that decides a training run, as one frozen record; the TOML file has this shape."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from medsiam.encoders import AnatomyPlan, Architecture
from medsiam.encoders.card import BackboneName
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

    backbone: BackboneName = "resnet10"
    embedding_dim: int = Field(default=128, ge=2)
    width: float = Field(default=1.0, gt=0, le=2, description="channel multiplier of the ResNets")
    stages: Annotated[tuple[int, ...], Field(strict=False)] | None = Field(
        default=None, description="stages whose pooled features are joined; None: the last"
    )
    pooling: Literal["mean", "centre"] = Field(
        default="mean", description="centre: weighted by a Gaussian around the middle"
    )
    views: Literal["one", "flip", "turns", "axes"] = Field(
        default="one", description="looks at a scan whose mean is embedded, outside of training"
    )
    project: bool = Field(
        default=True, description="a learned linear map to embedding_dim; else the features"
    )
    standardize: bool = Field(
        default=False,
        description="each dimension of mean 0 and variance 1 over the training scans, by batch "
        "normalisation; helps where all embeddings start alike",
    )
    normalize: bool = Field(default=True, description="embeddings of unit length")
    match_head: bool = Field(
        default=False, description="a twin head that gives the probability of a match"
    )
    anatomy: AnatomyPlan | None = Field(
        default=None, description="structures to find and measure, for the anatomy backbone"
    )


class StartSettings(_Section):
    """`[start]`: what the weights are before training, and how much of that stays."""

    weights: str | None = Field(
        default=None,
        description="imagenet, the name of a shipped encoder, an encoder folder, or a safetensors "
        "file of MedicalNet or ImageNet weights; None: random",
    )
    frozen_stages: int = Field(
        default=0, ge=0, description="stages of the backbone, from the input on, never changed"
    )
    share: float = Field(
        default=0.0, ge=0, le=1, description="of the start weights in the mean taken at the end"
    )


class PretrainingSettings(_Section):
    """`[pretraining]`: two views of one scan belong together (SimCLR), before conditions count."""

    epochs: int = Field(default=0, ge=0)
    cases: Annotated[Path, Field(strict=False)] | None = Field(
        default=None, description="scans without conditions; None: the training part"
    )
    scans_per_batch: int = Field(default=32, ge=2)
    temperature: float = Field(default=0.1, ge=0.02, description="below, its exponentials overflow")
    learning_rate: float = Field(default=1e-3, gt=0)


class SamplingSettings(_Section):
    """`[sampling]`: each step sees P conditions with K scans of each."""

    kind: Literal["balanced", "episodes"] = Field(
        default="balanced", description="episodes: part of the K scans is support, the rest asks"
    )
    conditions_per_batch: int | None = Field(
        default=None, ge=2, description="P; None: all conditions"
    )
    scans_per_condition: int = Field(default=8, ge=2, description="K")
    support_per_condition: int = Field(default=1, ge=1, description="of episodes, out of K")
    uneven: bool = Field(
        default=False, description="episodes: 1 to support_per_condition scans, drawn anew"
    )
    steps_per_epoch: int = Field(default=20, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.kind == "episodes" and self.support_per_condition >= self.scans_per_condition:
            raise ValueError(
                "support_per_condition must leave scans to ask: below scans_per_condition"
            )
        if self.uneven and (self.kind != "episodes" or self.support_per_condition < 2):
            raise ValueError(
                "uneven draws 1 to support_per_condition scans: it needs kind = episodes and a "
                "support_per_condition of at least 2"
            )
        return self


class LossSettings(_Section):
    """`[loss]`: what makes scans of one condition near and of two conditions far."""

    kind: Literal[
        "contrastive",
        "triplet",
        "supcon",
        "multi_similarity",
        "prototypical",
        "match",
        "cross_entropy",
    ] = "triplet"
    margin: float = Field(default=0.3, gt=0, description="of contrastive and triplet")
    temperature: float = Field(default=0.1, gt=0, description="of supcon and prototypical")
    mining: Literal["all", "semi_hard", "hard"] = Field(default="all", description="of triplets")
    memory: int = Field(
        default=0, ge=0, description="embeddings of earlier steps compared too (cross-batch memory)"
    )
    head_dim: int = Field(
        default=0,
        ge=0,
        description="the loss sees a linear map of the embedding to so many "
        "values, thrown away after training; 0: the embedding itself",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        faults = []
        if self.mining != "all" and self.kind != "triplet":
            faults.append(f"mining chooses triplets, and kind = {self.kind} has none")
        if self.memory and self.kind in ("match", "prototypical", "cross_entropy"):
            faults.append(f"memory must be 0: kind = {self.kind} compares within the batch")
        if self.memory and self.kind == "triplet" and self.mining == "all":
            faults.append(
                "memory makes far too many triplets to take all: mining = semi_hard or hard"
            )
        if self.head_dim and self.kind in ("match", "cross_entropy"):
            faults.append(f"head_dim must be 0: kind = {self.kind} has a head of its own")
        if faults:
            raise ValueError("; ".join(faults))
        return self


class OptimiserSettings(_Section):
    """`[optimiser]`: AdamW."""

    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    accumulate: int = Field(default=1, ge=1, description="passes that one step of a batch takes")
    averaging: float = Field(
        default=0.0, ge=0, lt=1, description="decay of a running mean of the weights; 0: none"
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="bfloat16: mixed precision, where the processor has it"
    )


class ScheduleSettings(_Section):
    """`[schedule]`: the rate rises for `warmup_epochs`, then falls along a half cosine to 0."""

    epochs: int = Field(default=30, ge=0, description="0: the start weights stay as they are")
    warmup_epochs: int = Field(default=1, ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.epochs and self.warmup_epochs >= self.epochs:
            raise ValueError(
                f"warmup_epochs ({self.warmup_epochs}) must be smaller than epochs "
                f"({self.epochs}); for one epoch give warmup_epochs = 0"
            )
        return self


class WhiteningSettings(_Section):
    """`[whitening]`: fitted on the training part once the weights are final."""

    scatter: Literal["none", "conditions", "scans"] = Field(
        default="none",
        description="conditions: what varies within a condition is shrunk; scans: what varies at "
        "all, which needs no conditions",
    )
    shrinkage: float = Field(
        default=0.5, ge=0, le=1, description="of the scatter towards one variance for all axes"
    )
    keep: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of the plain features joined with the whitened ones; 0: not joined",
    )


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
    start: StartSettings = StartSettings()
    pretraining: PretrainingSettings = PretrainingSettings()
    augmentation: Augmentation = Augmentation()
    sampling: SamplingSettings = SamplingSettings()
    loss: LossSettings = LossSettings()
    optimiser: OptimiserSettings = OptimiserSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    whitening: WhiteningSettings = WhiteningSettings()
    early_stop: EarlyStopSettings = EarlyStopSettings()

    @model_validator(mode="after")
    def _check_objective(self) -> Self:
        faults = []
        if (self.loss.kind == "prototypical") != (self.sampling.kind == "episodes"):
            faults.append("loss.kind = prototypical and sampling.kind = episodes go together")
        if (self.loss.kind == "match") != self.encoder.match_head:
            faults.append(
                "loss.kind = match and encoder.match_head = true go together: no other loss "
                "trains that head"
            )
        faults += self._idle_keys()
        if self.encoder.backbone == "anatomy":
            faults += self._anatomy_faults()
        if self.encoder.backbone == "shape":
            faults += self._shape_faults()
        if self.pretraining.epochs and self.augmentation == Augmentation():
            faults.append("pretraining compares augmented looks: switch on some augmentation")
        if faults:
            raise ValueError("; ".join(faults))
        return self

    def _idle_keys(self) -> list[str]:
        """Keys that would change nothing, or not what they say."""
        faults = []
        if self.start.weights is None and (self.start.share or self.start.frozen_stages):
            faults.append("start.share and start.frozen_stages need start.weights")
        if self.whitening.scatter == "none" and self.whitening.keep:
            faults.append("whitening.keep needs whitening.scatter = conditions or scans")
        if self.encoder.views == "axes" and self.recipe.spatial_dims == 2:
            faults.append("encoder.views = axes is for volumes (recipe.spatial_dims = 3)")
        if self.encoder.anatomy is not None and self.encoder.backbone != "anatomy":
            faults.append("encoder.anatomy is for encoder.backbone = anatomy")
        return faults

    def _anatomy_faults(self) -> list[str]:
        """An encoder that measures has no use for most of the keys of one that compares."""
        own = self.encoder
        needed = {
            "encoder.anatomy": own.anatomy is not None,
            "encoder.project = false": not own.project,
            "recipe.spatial_dims = 3": self.recipe.spatial_dims == 3,
            "intensities of 0 to 1 (recipe.intensity = percentile or window)": (
                self.recipe.intensity != "zscore"
            ),
        }
        faults = [f"backbone = anatomy needs {what}" for what, there in needed.items() if not there]
        idle = {
            "standardize": own.standardize,
            "stages": own.stages is not None,
            "pooling": own.pooling != "mean",
            "views": own.views != "one",
            "match_head": own.match_head,
        }
        return faults + [
            f"encoder.{key} is not for backbone = anatomy" for key in idle if idle[key]
        ]

    def _shape_faults(self) -> list[str]:
        """Measures are made once, of scans as they are; what follows them is trained."""
        own, recipe = self.encoder, self.recipe
        needed = {
            "recipe.spatial_dims = 3": recipe.spatial_dims == 3,
            "recipe.spacing": recipe.spacing is not None,
            'recipe.fit = "crop_or_pad"': recipe.fit == "crop_or_pad",
            'recipe.intensity = "mask"': recipe.intensity == "mask",
            "encoder.project = true": own.project,
            "schedule.epochs of at least 1": self.schedule.epochs > 0,
        }
        faults = [f"backbone = shape needs {what}" for what, there in needed.items() if not there]
        idle = {
            "augmentation": self.augmentation != Augmentation(),
            "pretraining": self.pretraining.epochs > 0,
            "start.weights": self.start.weights is not None,
            "encoder.stages": own.stages is not None,
            "encoder.pooling": own.pooling != "mean",
            "encoder.views": own.views != "one",
        }
        return faults + [f"{key} is not for backbone = shape" for key in idle if idle[key]]

    @property
    def architecture(self) -> Architecture:
        """The network this run trains."""
        return Architecture(
            spatial_dims=self.recipe.spatial_dims,
            in_channels=self.recipe.in_channels,
            image_size=self.recipe.spatial_size if self.encoder.backbone == "vit" else None,
            spacing=self.recipe.spacing if self.encoder.backbone == "shape" else None,
            whitened_domains=0 if self.whitening.scatter == "none" else 1,
            whitening_keeps=0.0 if self.whitening.scatter == "none" else self.whitening.keep,
            **dict(self.encoder),
        )
