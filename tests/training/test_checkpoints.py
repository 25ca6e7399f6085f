"""A checkpoint comes back as it was, or is refused."""

from __future__ import annotations

import pytest
import torch

from medsiam.errors import MedsiamError
from medsiam.training.checkpoints import (
    Progress,
    below_prefix,
    load_checkpoint,
    save_checkpoint,
    with_prefix,
)

PROGRESS = Progress("training", 7, [0.1, 1 / 3], 1.5, [{"epoch": 1}], 1, 0.7, 1, ["a warning"])


def test_comes_back_exactly(tmp_path):
    tensors = {"a/b": torch.randn(3, 2), "n": torch.tensor(4), "c": torch.randn(2, 3, 4, 4)}
    tensors["c"] = tensors["c"].contiguous(memory_format=torch.channels_last)
    assert load_checkpoint(tmp_path) is None
    save_checkpoint(tmp_path, PROGRESS, {"a": torch.zeros(1)})
    save_checkpoint(tmp_path, PROGRESS, tensors)
    progress, found = load_checkpoint(tmp_path)
    assert progress == PROGRESS
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["last.safetensors"]


@pytest.mark.parametrize("content", [b"", b"\x80\x04]q\x00.", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_damaged_one_is_one_sentence(tmp_path, content):
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.safetensors").write_bytes(content)
    with pytest.raises(MedsiamError, match="damaged and the run cannot be resumed"):
        load_checkpoint(tmp_path)


def test_names_go_below_a_prefix_and_back():
    tensors = {"x": torch.zeros(1), "best": torch.ones(1)}
    both = with_prefix("mean", tensors) | with_prefix("meaning", tensors)
    assert below_prefix("mean", both).keys() == tensors.keys()
