"""Network, recipe and card as one object: scans in, embeddings out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medsiam._version import __version__
from medsiam.encoders.backbones import feature_dim
from medsiam.encoders.card import Architecture, EncoderCard
from medsiam.encoders.exported import Exported
from medsiam.encoders.fingerprint import fingerprint
from medsiam.encoders.openvino_graph import OpenVinoGraph
from medsiam.encoders.runtimes import RuntimeName
from medsiam.encoders.twin import TwinEncoder
from medsiam.errors import EncoderError, EncoderMismatchError, UsageError
from medsiam.preprocessing.recipe import Recipe
from medsiam.preprocessing.transform import prepare
from medsiam.scans.scan import Scan

# Of an embedding's length: rounding, and, for bf16, what tells a wrong graph from a coarse one.
_PROBE_TOLERANCE = {"openvino": 1e-4, "openvino-bf16": 0.1}


class Encoder:
    """A twin network that knows how its input is made and what it is.

    Get one from `new_encoder` or `load_encoder`. After training its network, take
    `with_card(...)`: a new card, with the fingerprint of the weights as they are then.

    Attributes:
        runtime: what runs the network when scans are embedded. Training and feature maps always
            use torch.
        exported: the graph that lies beside the weights; None where there is none.
    """

    def __init__(
        self,
        network: TwinEncoder,
        card: EncoderCard,
        *,
        runtime: RuntimeName = "torch",
        exported: Exported | None = None,
    ) -> None:
        for module in network.modules():
            if isinstance(module, nn.Conv2d):  # how processors like images laid out
                module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._network = network
        self._card = card
        self.runtime = runtime
        self.exported = exported
        self._graph: OpenVinoGraph | None = None

    def __repr__(self) -> str:
        return f"Encoder({self.card.name!r}, fingerprint {self.fingerprint[:12]})"

    @property
    def network(self) -> TwinEncoder:
        """The network, for training and explanation."""
        return self._network

    @property
    def card(self) -> EncoderCard:
        """What the encoder is."""
        return self._card

    @property
    def recipe(self) -> Recipe:
        """How a scan becomes the network's input."""
        return self._card.recipe

    @property
    def fingerprint(self) -> str:
        """sha256 over weights, recipe and architecture."""
        return self._card.fingerprint

    @property
    def embedding_dim(self) -> int:
        """Length of an embedding."""
        return self._card.architecture.embedding_dim

    def with_card(self, **changes: Any) -> Encoder:
        """Return this network with fields of its card changed and its fingerprint made anew.

        Args:
            changes: fields of `EncoderCard`.

        Raises:
            pydantic.ValidationError: a field that the card does not have, or a wrong value.
        """
        fields = {name: getattr(self.card, name) for name in EncoderCard.model_fields}
        fields |= changes
        fields["fingerprint"] = fingerprint(
            self._network.state_dict(), fields["architecture"], fields["recipe"]
        )
        return Encoder(self._network, EncoderCard.model_validate(fields))

    def on(self, runtime: RuntimeName, exported: Exported | None = None) -> Encoder:
        """Return this encoder on another runtime.

        Args:
            runtime: which; other ones than torch need a graph.
            exported: the graph; None: the one that the encoder has.

        Raises:
            EncoderError: no graph, or that of other weights.
        """
        graph = exported or self.exported
        if runtime != "torch" and (graph is None or graph.card.fingerprint != self.fingerprint):
            raise EncoderError(f"{self!r} has no graph for {runtime}")
        return Encoder(self._network, self._card, runtime=runtime, exported=graph)

    def probe_scan(self) -> torch.Tensor:
        """(1, in_channels, *spatial_size): made of waves, to compare runtimes with."""
        shape = (1, self.recipe.in_channels, *self.recipe.spatial_size)
        steps = torch.arange(math.prod(shape), dtype=torch.float64)
        return (0.5 + 0.5 * torch.sin(0.37 * steps)).float().reshape(shape)

    def embed(self, scans: Iterable[Scan], *, batch_size: int = 16) -> NDArray[np.float32]:
        """Embed scans, in their order; the result does not depend on batch size or neighbours.

        Args:
            scans: any number; read one batch at a time.
            batch_size: scans per pass through the network.

        Returns:
            (n, embedding_dim).

        Raises:
            ScanError: a scan that cannot be prepared.
            EncoderMismatchError: a scan of the other dimension (2D or 3D).
        """
        if batch_size < 1:
            raise UsageError(f"batch_size must be at least 1, got {batch_size}")
        tensors = (prepare(scan, self.recipe) for scan in scans)
        parts = [self.embed_tensors(torch.stack(batch)) for batch in _batches(tensors, batch_size)]
        return np.concatenate([np.empty((0, self.embedding_dim), np.float32), *parts])

    def embed_tensors(self, batch: torch.Tensor) -> NDArray[np.float32]:
        """Embed prepared scans: (n, in_channels, *spatial_size) -> (n, embedding_dim).

        Raises:
            EncoderMismatchError: tensors that the recipe would not make.
            EncoderError: weights that give NaN or infinite embeddings.
        """
        self._check_shape(batch)
        if len(batch) == 0:
            return np.empty((0, self.embedding_dim), np.float32)
        if self.runtime != "torch" and self._graph is None:
            self._graph = self._checked_graph()
        with _inference(self._network) as device:
            if self._graph is not None:
                found = self._network.of_view_maps(self._graph.view_maps(batch))
            else:
                images = batch.to(device)
                if images.ndim == 4:
                    images = images.contiguous(memory_format=torch.channels_last)
                found = self._network(images)
        embeddings: NDArray[np.float32] = found.cpu().numpy()
        if not np.isfinite(embeddings).all():
            raise EncoderError(f"{self!r} gives NaN or infinite embeddings: its weights are no use")
        return embeddings

    def _checked_graph(self) -> OpenVinoGraph:
        """The graph, if it gives what torch gave when it was made."""
        assert self.exported is not None
        graph = OpenVinoGraph(self.exported, self.runtime)
        known = np.array(self.exported.card.probe, np.float32)
        with _inference(self._network):
            found = self._network.of_view_maps(graph.view_maps(self.probe_scan()))[0].numpy()
        away = float(np.linalg.norm(found - known) / np.linalg.norm(known))
        if not away <= _PROBE_TOLERANCE[self.runtime]:
            raise EncoderError(
                f"{self!r}: its graph gives other embeddings than torch (off by {away:.2g} of "
                "their length): export it again (`medsiam export`), or use --runtime torch"
            )
        return graph

    def feature_maps(self, scan: Scan) -> NDArray[np.float32]:
        """Last spatial feature map of a scan: (channels, *map size), for explanations."""
        batch = prepare(scan, self.recipe)[None]
        with _inference(self._network) as device:
            maps: NDArray[np.float32] = (
                self._network.feature_maps(batch.to(device))[0].cpu().numpy()
            )
        return maps

    def _check_shape(self, batch: torch.Tensor) -> None:
        expected = (self.recipe.in_channels, *self.recipe.spatial_size)
        if tuple(batch.shape[1:]) != expected:
            raise EncoderMismatchError(
                f"{self!r} takes tensors of shape (n, {', '.join(map(str, expected))}), "
                f"got {tuple(batch.shape)}"
            )


def new_encoder(
    architecture: Architecture,
    recipe: Recipe,
    *,
    name: str,
    licence: str,
    random_state: int = 0,
    notes: str | None = None,
) -> Encoder:
    """Make an untrained encoder; torch's global random state is left as it was.

    Args:
        architecture: a ViT without `image_size` takes the recipe's, and an encoder without
            projection has as many values as its backbone has features, whatever it says.
        recipe: how its scans are prepared.
        name: for people.
        licence: of the weights.
        random_state: seed of the weights.
        notes: for the card.

    Raises:
        UsageError: an architecture that does not fit the recipe, or cannot be built.
    """
    if architecture.backbone == "vit" and architecture.image_size is None:
        architecture = architecture.model_copy(update={"image_size": recipe.spatial_size})
    _check_fit(architecture, recipe)
    if not architecture.project:
        n_features = feature_dim(architecture)
        n_joined = 2 if architecture.whitening_keeps else 1
        architecture = architecture.model_copy(update={"embedding_dim": n_joined * n_features})
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(random_state)
        network = TwinEncoder.from_architecture(architecture).eval()
    card = EncoderCard(
        name=name,
        medsiam_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        architecture=architecture,
        recipe=recipe,
        licence=licence,
        notes=notes,
        fingerprint=fingerprint(network.state_dict(), architecture, recipe),
    )
    return Encoder(network, card)


def _check_fit(architecture: Architecture, recipe: Recipe) -> None:
    for field in ("spatial_dims", "in_channels"):
        ours, theirs = getattr(architecture, field), getattr(recipe, field)
        if ours != theirs:
            raise UsageError(f"the architecture has {field} = {ours}, the recipe {theirs}")
    plan = architecture.anatomy
    if plan is not None and plan.spacing != recipe.spacing:
        raise UsageError(
            f"anatomy.spacing = {plan.spacing}, but the recipe has spacing = {recipe.spacing}: "
            "measures in mm need the same"
        )
    if architecture.spacing not in (None, recipe.spacing):
        raise UsageError(
            f"the architecture has spacing = {architecture.spacing}, the recipe {recipe.spacing}: "
            "measures in mm need the same"
        )
    if architecture.spacing is not None and recipe.intensity != "mask":
        raise UsageError("the shape backbone takes two-valued volumes: recipe.intensity = 'mask'")
    if architecture.image_size not in (None, recipe.spatial_size):
        raise UsageError(
            f"the architecture has image_size = {architecture.image_size}, "
            f"the recipe spatial_size = {recipe.spatial_size}"
        )


def _batches(tensors: Iterable[torch.Tensor], batch_size: int) -> Iterator[list[torch.Tensor]]:
    batch: list[torch.Tensor] = []
    for tensor in tensors:
        batch.append(tensor)
        if len(batch) == batch_size:
            yield batch
            batch = []
    if batch:
        yield batch


@contextmanager
def evaluating(network: nn.Module) -> Iterator[torch.device]:
    """Evaluation mode for a while; each module's training flag is put back afterwards."""
    training = [module for module in network.modules() if module.training]
    for module in training:
        module.training = False
    try:
        yield next(network.parameters()).device
    finally:
        for module in training:
            module.training = True


@contextmanager
def _inference(network: nn.Module) -> Iterator[torch.device]:
    """Evaluation mode without gradients."""
    with evaluating(network) as device, torch.inference_mode():
        yield device
