"""The encoder's card: what it is, what it takes, what it was trained on, how good it was."""

from __future__ import annotations

from typing import Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from medsiam.preprocessing.recipe import Recipe

INTENDED_USE = (
    "Research use only. Not a medical device; not for diagnosis. Compares a scan with reference "
    "cases of the same kind of image as the training data."
)

BackboneName = Literal[
    "resnet10",
    "resnet18",
    "resnet34",
    "resnet50",
    "densenet121",
    "efficientnet-b0",
    "efficientnet-lite0",
    "vit",
    "anatomy",
    "shape",
]
BACKBONES: tuple[str, ...] = get_args(BackboneName)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AnatomyPlan(_Record):
    """What an `anatomy` backbone finds in a volume before it measures.

    Attributes:
        structures: names of the labels 1, 2, ... of the masks it was trained on.
        centre: structure whose axis the levels and sectors are drawn around.
        front: structure towards which the first sector points; None: the volume's first axis.
        channels: of the segmenting U-Net, one value per resolution.
        spacing: mm between the voxels it sees.
    """

    structures: tuple[str, ...] = Field(min_length=1)
    centre: str
    front: str | None = None
    channels: tuple[int, ...] = (16, 32, 64, 128, 192)
    spacing: tuple[float, float, float]

    @model_validator(mode="after")
    def _known(self) -> Self:
        if len(set(self.structures)) < len(self.structures):
            raise ValueError("structures names one twice")
        if self.front == self.centre:
            raise ValueError("front and centre must be two structures")
        if len(self.channels) < 2:
            raise ValueError("channels needs at least two resolutions")
        for name in filter(None, (self.centre, self.front)):
            if name not in self.structures:
                raise ValueError(f"{name!r} is none of the structures {list(self.structures)}")
        return self


class Architecture(_Record):
    """Everything needed to build the network again, and nothing else."""

    spatial_dims: Literal[2, 3]
    backbone: BackboneName
    in_channels: Literal[1, 3] = 1
    embedding_dim: int = Field(default=128, ge=2)
    width: float = Field(default=1.0, gt=0, le=2, description="channel multiplier of the ResNets")
    stages: tuple[int, ...] | None = Field(
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
        default=False, description="each dimension of mean 0 and variance 1 over the training scans"
    )
    whitened_domains: int = Field(
        default=0, ge=0, description="kinds of scans with a whitening of their own; 0: none"
    )
    whitening_keeps: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="share of the plain features joined with the whitened ones; 0: not joined",
    )
    normalize: bool = Field(default=True, description="embeddings of unit length")
    match_head: bool = Field(
        default=False, description="a twin head that gives the probability of a match"
    )
    image_size: tuple[int, ...] | None = Field(
        default=None, description="input size; ViT alone needs it"
    )
    anatomy: AnatomyPlan | None = Field(default=None, description="for the anatomy backbone")
    spacing: tuple[float, ...] | None = Field(
        default=None, description="mm between voxels; the shape backbone alone needs it"
    )

    @model_validator(mode="after")
    def _anatomy_fits(self) -> Self:
        if (self.backbone == "anatomy") != (self.anatomy is not None):
            raise ValueError("backbone = 'anatomy' and the plan `anatomy` belong together")
        if self.anatomy is not None and self.spatial_dims != 3:
            raise ValueError("the anatomy backbone takes volumes (spatial_dims = 3)")
        if self.anatomy is not None and self.in_channels != 1:
            raise ValueError("the anatomy backbone takes grey scans (in_channels = 1)")
        return self

    @model_validator(mode="after")
    def _shape_fits(self) -> Self:
        if (self.backbone == "shape") != (self.spacing is not None):
            raise ValueError("backbone = 'shape' and `spacing` belong together")
        if self.spacing is None:
            return self
        if self.spatial_dims != 3 or len(self.spacing) != 3 or self.in_channels != 1:
            raise ValueError(
                "the shape backbone takes volumes of one channel (spatial_dims = 3, "
                "in_channels = 1) with three values of spacing"
            )
        if not self.project:
            raise ValueError("the shape backbone has no weights of its own: project = true")
        return self


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
    """The 1:1 question "same condition?" from patient-disjoint validation pairs, or why not.

    Attributes:
        threshold: distance up to which a pair counts as the same; None: not calibrated.
        slope, intercept: of the log odds that a pair is the same, by its distance, where same and
            different pairs are equally likely beforehand (J. Platt 1999).
        metric: of the distance.
        n_pairs, n_subjects: what they were fitted on.
        measured_on: data set and part.
        reason: why there is no threshold.
    """

    threshold: float | None = None
    slope: float | None = None
    intercept: float | None = None
    metric: Literal["euclidean", "cosine"] = "cosine"
    n_pairs: int = 0
    n_subjects: int = 0
    measured_on: str | None = None
    reason: str | None = "no threshold was calibrated for this encoder"

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.threshold is None) == (self.reason is None):
            raise ValueError("give a threshold, or the reason why there is none")
        if (self.slope is None) != (self.intercept is None):
            raise ValueError("slope and intercept belong together")
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
        plan, spacing = self.architecture.anatomy, self.architecture.spacing
        if plan is not None and self.recipe.spacing != plan.spacing:
            raise ValueError("recipe and anatomy differ in spacing, so measures would be no mm")
        if spacing is not None and self.recipe.spacing != spacing:
            raise ValueError("recipe and architecture differ in spacing: measures would be no mm")
        if spacing is not None and self.recipe.intensity != "mask":
            raise ValueError("the shape backbone takes two-valued volumes: intensity = 'mask'")
        return self
