"""Several processes that train one network as one process would, started by `torchrun`.

Each process embeds its share of every batch. The rows are gathered, every process computes the
loss over all of them, and takes the gradient of its own rows back through its own graph; the
gradients of the weights are then summed. So N processes compute what one computes at the same
global batch, but for the order of sums. BatchNorm sees the share alone, unless it is frozen.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import torch
from torch import distributed, nn

from medsiam.training.prefetch import Indices

# The first process may still be reading scans while the others have them from the cache.
_PATIENCE = timedelta(hours=2)


@dataclass(frozen=True)
class World:
    """The processes of a run.

    Attributes:
        rank: of this process, from 0; the first one alone writes.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes and speaks."""
        return self.rank == 0

    def share(self, n: int) -> Indices:
        """Places of this process in a batch of n: a run of them, all runs about equally long."""
        return np.array_split(np.arange(n), self.size)[self.rank]

    def gather(self, rows: torch.Tensor, n: int) -> torch.Tensor:
        """Join the rows of all processes, without gradient.

        Args:
            rows: (m, ...) of this process's share.
            n: rows of the whole batch.

        Returns:
            (n, ...) in the order of the batch.
        """
        if self.size == 1:
            return rows
        longest = -(-n // self.size)
        padded = rows.new_zeros((longest, *rows.shape[1:]))
        padded[: len(rows)] = rows
        received = [torch.empty_like(padded) for _ in range(self.size)]
        distributed.all_gather(received, padded)
        lengths = [len(part) for part in np.array_split(np.arange(n), self.size)]
        return torch.cat([part[:m] for part, m in zip(received, lengths, strict=True)])

    def count_once(self, parameters: Iterable[nn.Parameter]) -> None:
        """Forget gradients that every process computed alike, in all but the first process."""
        if not self.is_first:
            for parameter in parameters:
                if parameter.grad is not None:
                    parameter.grad.zero_()

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make each gradient the sum over the processes."""
        if self.size > 1:
            gradients = [p.grad for p in parameters if p.grad is not None]
            self._reduce(gradients, divide=False)

    def average_buffers(self, network: nn.Module) -> None:
        """Make each running statistic the mean over the processes."""
        if self.size > 1:
            self._reduce([b for b in network.buffers() if b.is_floating_point()], divide=True)

    def copy_from_first(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrite tensors with those of the first process."""
        if self.size > 1:
            for tensor in tensors:
                distributed.broadcast(tensor, src=0)

    def said_by_first(self, number: float) -> float:
        """Return the number that the first process has, so that all decide alike."""
        value = torch.tensor(number, dtype=torch.float64)
        self.copy_from_first([value])
        return value.item()

    def any(self, here: bool) -> bool:
        """Whether it is so in any process."""
        if self.size == 1:
            return here
        flag = torch.tensor(float(here))
        distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag)

    def _reduce(self, tensors: Sequence[torch.Tensor], *, divide: bool) -> None:
        """Sum over the processes in one message."""
        if not tensors:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        if divide:
            flat /= self.size
        start = 0
        for tensor in tensors:
            tensor.copy_(flat[start : start + tensor.numel()].view_as(tensor))
            start += tensor.numel()


@contextmanager
def joined_world() -> Iterator[World]:
    """Join the processes that torchrun started; alone where it started none.

    Yields:
        this process's place among them.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or "RANK" not in os.environ:
        yield World()
        return
    distributed.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield World(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
