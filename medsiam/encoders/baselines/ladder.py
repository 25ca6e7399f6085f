"""All baselines that need no training, for the rows of one case table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from medsiam.cases import CaseRow
from medsiam.encoders.baselines.gradients import gradient_vector
from medsiam.encoders.baselines.linear_steps import discriminants, whitened
from medsiam.encoders.baselines.networks import imagenet_encoder, random_encoder
from medsiam.encoders.encoder import Encoder
from medsiam.encoders.pixels import pixel_vector
from medsiam.encoders.table import embed_case_rows
from medsiam.errors import ScanError
from medsiam.scans.read import read_scan
from medsiam.scans.scan import Scan

Floats = NDArray[np.float32]

PIXELS = "pixels (baseline)"
RANDOM = "random (baseline)"
GRADIENTS = "gradient histograms (baseline)"
RANDOM_NETWORK = "random-weights ResNet-18 (baseline)"
IMAGENET = "ImageNet Lite0 (baseline)"
WHITENED = "ImageNet Lite0 + whitening (baseline)"
LDA = "ImageNet Lite0 + LDA (baseline)"

_FEWEST_BASE_ROWS = 10


@dataclass(frozen=True, eq=False)
class Ladder:
    """Baselines of the same rows.

    Attributes:
        paths: (n,) of the rows.
        embeddings: name -> (n, d), simplest first.
        notices: what was fitted on what, and what was left out.
    """

    paths: tuple[str, ...]
    embeddings: dict[str, Floats]
    notices: tuple[str, ...]


def embed_baselines(
    rows: Sequence[CaseRow],
    *,
    evaluated: Sequence[str] | None,
    random_dim: int,
    random_state: int,
    advance: Callable[[], None] | None = None,
) -> Ladder:
    """Embed rows by everything that needs no training.

    Args:
        rows: of the case table, of one dimension.
        evaluated: conditions that are compared; the linear steps are fitted on the others; None:
            all are compared.
        random_dim: length of the random embeddings.
        random_state: seed of random embeddings and weights.
        advance: called once per row and kind of embedding (four times a row).

    Raises:
        ScanError: a scan that cannot be read, with the number of those that cannot.
    """
    rng = np.random.default_rng(random_state)

    def embed(how: Encoder | Callable[[Scan], torch.Tensor]) -> Floats:
        found = embed_case_rows(rows, how, advance=advance)
        if found.failures:
            first = found.failures[0]
            raise ScanError(
                first.code,
                f"the pixel baseline needs the scans: {len(found.failures)} of {len(rows)} cannot "
                f"be read, first {first.path}: {first.message}; leave --baselines out",
            )
        return found.embeddings

    pixels = embed(pixel_vector)  # all of one dimension, or refused
    dims: Literal[2, 3] = 3 if read_scan(rows[0].path).spatial_dims == 3 else 2
    embeddings = {
        RANDOM: rng.standard_normal((len(rows), random_dim)).astype(np.float32),
        PIXELS: pixels,
        GRADIENTS: embed(gradient_vector),
        RANDOM_NETWORK: embed(random_encoder(dims, random_state=random_state)),
        IMAGENET: embed(imagenet_encoder(dims)),
    }
    base = base_rows(rows, evaluated)
    names = [rows[place].condition for place in base]
    if len(base) < _FEWEST_BASE_ROWS or len(set(names)) < 2:
        notice = (
            "baselines with whitening and LDA are left out: the table has no two further "
            "conditions to fit them on (training rows of conditions that are not compared)"
        )
    else:
        features = embeddings[IMAGENET]
        embeddings[WHITENED] = whitened(features, features[base])
        embeddings[LDA] = discriminants(features, features[base], names)
        notice = (
            f"baselines with whitening and LDA are fitted on {len(base)} rows of "
            f"{len(set(names))} conditions that are not compared"
        )
    return Ladder(tuple(row.path_text for row in rows), embeddings, (notice,))


def base_rows(rows: Sequence[CaseRow], evaluated: Sequence[str] | None) -> list[int]:
    """Places of the rows of other conditions; of the training split, where the table has one.

    Subjects with a row that is compared are left out: their other rows would show them.
    """
    if evaluated is None:
        return []
    has_split = any(row.split == "train" for row in rows)
    compared = {row.subject for row in rows if row.condition in evaluated}
    return [
        place
        for place, row in enumerate(rows)
        if row.condition not in evaluated
        and row.subject not in compared
        and (row.split == "train" or not has_split)
    ]
