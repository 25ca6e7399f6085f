"""One step of training: the objective's batch, its gradient, and what that changes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from medsiam.encoders import TwinEncoder
from medsiam.errors import UsageError
from medsiam.training.checkpoints import below_prefix, with_prefix
from medsiam.training.distributed import World
from medsiam.training.objective import Objective
from medsiam.training.sampling import Indices
from medsiam.training.seeding import Purpose, seed_of
from medsiam.training.settings import OptimiserSettings, ScheduleSettings


class Learner:
    """Network and objective with what changes them: optimiser, rate, running mean.

    The rows that the network gives are cut from its graph before the loss and their gradient is
    taken back through it afterwards. So the batch may be embedded in several passes, each in
    memory alone (L. Gao et al., "Scaling deep contrastive learning batch size under memory
    limited setup", 2021, arXiv:2101.06983), or by several processes, and the loss still compares
    all with all. Several passes embed everything twice: once to know the rows, once to learn.
    """

    def __init__(
        self,
        network: TwinEncoder,
        objective: Objective,
        *,
        settings: OptimiserSettings,
        rate: Callable[[int], float],
        seed: int,
        world: World,
    ) -> None:
        """Prepare to train.

        Args:
            network: frozen parts do not require gradients.
            objective: what to teach.
            settings: of AdamW, passes, precision and running mean.
            rate: learning rate at a step.
            seed: of the run.
            world: the processes that share each batch.
        """
        self._network = network
        self._objective = objective
        self._settings = settings
        self._rate = rate
        self._seed = seed
        self._world = world
        trained = nn.ModuleList([network, objective.heads])
        _channels_last(trained)
        self._parameters = [p for p in trained.parameters() if p.requires_grad]
        if not self._parameters:
            raise UsageError(
                "every weight is frozen, so there is nothing to train: set schedule.epochs = 0, or "
                "lower start.frozen_stages"
            )
        self._optimiser = torch.optim.AdamW(
            self._parameters, lr=rate(0), weight_decay=settings.weight_decay, fused=True
        )
        self._mixed = settings.precision == "bfloat16" and mixed_precision_works()
        self._mean = _copy(network) if settings.averaging else None

    def take(self, step: int) -> float:
        """Take one step and return its loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate(step)
        self._optimiser.zero_grad()
        positions = self._objective.draw(step)
        parts = self._parts(len(positions))
        rows = self._embed(positions, parts, step)
        whole = self._world.gather(rows.detach(), len(positions)).requires_grad_()
        loss = self._objective.loss(whole, positions, step)
        loss.backward()  # type: ignore[no-untyped-call]
        self._world.count_once(self._parameters)
        if whole.grad is not None:
            self._backward(rows, whole.grad, positions, parts, step)
        self._world.sum_gradients(self._parameters)
        self._optimiser.step()
        self._average(step)
        return loss.item()

    def averaged(self) -> dict[str, torch.Tensor]:
        """Weights to validate and keep: the running mean, or those of the last step."""
        if self._mean is None:
            return _copy(self._network)
        return {name: value.clone() for name, value in self._mean.items()}

    def state(self) -> dict[str, torch.Tensor]:
        """Everything the next steps depend on."""
        moments = {}
        for number, parameter in enumerate(self._parameters):
            for name, value in self._optimiser.state.get(parameter, {}).items():
                moments[f"{number}/{name}"] = value
        return {
            **with_prefix("network", self._network.state_dict()),
            **with_prefix("heads", self._objective.heads.state_dict()),
            **with_prefix("moments", moments),
            **with_prefix("mean", self._mean or {}),
            **with_prefix("objective", self._objective.state()),
        }

    def load_state(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take back what `state` gave."""
        self._network.load_state_dict(below_prefix("network", tensors))
        self._objective.heads.load_state_dict(below_prefix("heads", tensors))
        self._objective.load_state(below_prefix("objective", tensors))
        if self._mean is not None:
            self._mean = below_prefix("mean", tensors)
        for name, value in below_prefix("moments", tensors).items():
            number, _, moment = name.partition("/")
            parameter = self._parameters[int(number)]
            like = torch.zeros_like(parameter) if moment != "step" else torch.zeros(())
            # In the memory order of the weights, so that each sum is made as it would have been.
            self._optimiser.state[parameter][moment] = like.copy_(value)

    def _parts(self, n: int) -> list[Indices]:
        """Places of this process's passes."""
        passes = self._settings.accumulate
        if n < 2 * self._world.size * passes:
            raise UsageError(
                f"a batch of {n} scans gives {self._world.size} processes with {passes} passes "
                "each fewer than two scans a pass; lower optimiser.accumulate or draw larger "
                "batches ([sampling])"
            )
        return np.array_split(self._world.share(n), passes)

    def _embed(self, positions: Indices, parts: list[Indices], step: int) -> torch.Tensor:
        if len(parts) == 1:
            return self._observe(positions, parts[0], step)
        buffers = [(buffer, buffer.clone()) for buffer in self._network.buffers()]
        with torch.no_grad():
            rows = torch.cat([self._observe(positions, places, step) for places in parts])
        for buffer, before in buffers:  # statistics count each scan once
            buffer.copy_(before)
        return rows

    def _backward(
        self,
        rows: torch.Tensor,
        gradient: torch.Tensor,
        positions: Indices,
        parts: list[Indices],
        step: int,
    ) -> None:
        for places in parts:
            again = rows if len(parts) == 1 else self._observe(positions, places, step)
            if again.requires_grad:
                again.backward(gradient[torch.from_numpy(places)])  # type: ignore[no-untyped-call]

    def _observe(self, positions: Indices, places: Indices, step: int) -> torch.Tensor:
        # Dropout draws from torch's global generator, which the run has set aside for itself.
        torch.default_generator.manual_seed(
            seed_of(Purpose.DROPOUT, self._seed, step, int(places[0]))
        )
        with torch.autocast("cpu", torch.bfloat16, enabled=self._mixed):
            rows = self._objective.observe(self._network, positions[places], places, step)
        return rows.float()

    def _average(self, step: int) -> None:
        """Move the running mean towards the weights, faster in the first steps."""
        if self._mean is None:
            return
        decay = min(self._settings.averaging, (1 + step) / (10 + step))
        for name, value in self._network.state_dict().items():
            mean = self._mean[name]
            if mean.is_floating_point():
                mean.lerp_(value, 1 - decay)
            else:
                mean.copy_(value)


def mixed_precision_works() -> bool:
    """Whether this processor computes in bfloat16; where it only imitates it, it is slower."""
    works: bool = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return works


def rate_factor(step: int, steps_per_epoch: int, schedule: ScheduleSettings) -> float:
    """Return the share of the full learning rate at a step: a linear rise, then a half cosine.

    Args:
        step: counted from 0.
        steps_per_epoch: at least 1.
        schedule: length of both parts.
    """
    warmup = schedule.warmup_epochs * steps_per_epoch
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / (schedule.epochs * steps_per_epoch - warmup)
    return (1 + math.cos(math.pi * min(done, 1.0))) / 2


def _channels_last(module: nn.Module) -> None:
    """Order the weights of 2D convolutions as they are fastest on a CPU.

    It takes 0.75 to 0.9 of the time; for 3D convolutions no difference was seen.
    """
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _copy(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}
