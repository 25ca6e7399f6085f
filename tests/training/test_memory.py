"""The cross-batch memory against a plain list of all that was ever added."""

from __future__ import annotations

import numpy as np
import torch

from medsiam.training.memory import Memory


def fill(memory: Memory, n_steps: int, size: int = 4) -> tuple[torch.Tensor, list[int]]:
    """Add `n_steps` batches; return everything added, oldest first."""
    rows = torch.arange(n_steps * size * 2.0, requires_grad=True).reshape(-1, 2)
    positions = np.arange(n_steps * size) % 7
    for i in range(0, len(rows), size):
        memory.add(rows[i : i + size], positions[i : i + size])
    return rows, positions.tolist()


def test_the_newest_rows_are_kept_without_gradient():
    for n_steps in (1, 2, 3, 9):
        memory = Memory(6)
        rows, positions = fill(memory, n_steps)
        assert torch.equal(memory.rows, rows[-6:])
        assert memory.positions.tolist() == positions[-6:]
        assert not memory.rows.requires_grad


def test_a_batch_larger_than_the_memory_and_no_memory_at_all():
    small, none = Memory(3), Memory(0)
    rows, positions = fill(small, 2)
    fill(none, 2)
    assert torch.equal(small.rows, rows[-3:])
    assert small.positions.tolist() == positions[-3:]
    assert len(none.rows) == len(none.positions) == 0
    assert none.state() == Memory(5).state() == {}


def test_a_state_goes_on_as_if_nothing_had_happened():
    whole, first, second = Memory(6), Memory(6), Memory(6)
    fill(whole, 1)
    fill(first, 1)
    second.load_state(first.state())
    for memory in (whole, second):
        fill(memory, 1)
    assert torch.equal(whole.rows, second.rows)
    assert whole.positions.tolist() == second.positions.tolist()
    second.load_state({})
    assert second.state() == {}
