"""Cross-batch memory: rows of earlier steps, to be compared with too.

X. Wang et al., "Cross-batch memory for embedding learning", CVPR 2020. A network changes slowly,
so what it said of a scan some steps ago still tells where that scan lies; a small batch then
meets many more conditions and subjects than it holds. pytorch-metric-learning's memory knows
labels only; ours knows each row's place in the table, and so its subject.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from medsiam.training.sampling import Indices


class Memory:
    """The newest rows, without gradient, oldest first.

    Args:
        size: rows kept at most; 0: none ever.

    Attributes:
        rows: (n, d); (0,) before the first.
        positions: (n,) where in the table the scan of each row is.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.rows = torch.zeros(0)  # torch.cat takes it beside rows of any length
        self.positions: Indices = np.zeros(0, dtype=np.int64)

    def add(self, rows: torch.Tensor, positions: Indices) -> None:
        """Keep the rows of a step.

        Args:
            rows: (m, d), with or without gradient.
            positions: (m,) in the table.
        """
        keep = slice(max(0, len(self.rows) + len(rows) - self._size), None)
        self.rows = torch.cat([self.rows, rows.detach()])[keep].clone()
        self.positions = np.concatenate([self.positions, positions])[keep].copy()

    def state(self) -> dict[str, torch.Tensor]:
        """Return what a resumed run needs; empty while there is nothing."""
        if len(self.rows) == 0:
            return {}
        return {"memory_rows": self.rows, "memory_positions": torch.from_numpy(self.positions)}

    def load_state(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from a `state`."""
        self.rows = state.get("memory_rows", torch.zeros(0))
        positions = state.get("memory_positions", torch.zeros(0, dtype=torch.int64))
        self.positions = positions.numpy()
