"""Two real processes of torchrun do what one does; the parts of it by hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from medsiam.config import dump_config
from medsiam.encoders import load_encoder, new_encoder, save_encoder
from medsiam.training import train
from medsiam.training.distributed import World, joined_world
from tests.training.shapes import prepared_shapes, tiny_config, write_cases


def test_shares_are_runs_that_cover_the_batch():
    for n in (1, 7, 8):
        shares = [World(rank, 3).share(n) for rank in range(3)]
        np.testing.assert_array_equal(np.concatenate(shares), np.arange(n))
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_alone_nothing_changes(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_world() as world:
        assert world == World()
        rows = torch.randn(3, 2)
        assert world.gather(rows, 3) is rows
        assert world.said_by_first(0.1) == 0.1
        assert world.any(True)
        assert not world.any(False)
        layer = torch.nn.Linear(2, 1)
        layer(rows).sum().backward()
        before = layer.weight.grad.clone()
        world.count_once(layer.parameters())
        world.sum_gradients(layer.parameters())
        assert torch.equal(layer.weight.grad, before)


def test_two_processes_are_one(tmp_path):
    cases = write_cases(tmp_path / "shapes")
    encoder = {"backbone": "resnet10", "width": 0.25, "embedding_dim": 8}
    fresh = tiny_config(cases, encoder=encoder)
    start = new_encoder(fresh.architecture, fresh.recipe, name="start", licence="CC0-1.0")
    save_encoder(start, tmp_path / "start")
    config = tiny_config(
        cases,
        encoder=encoder,
        # Loaded weights keep their batch normalisation statistics; else each process would
        # normalise by its own share.
        start={"weights": str(tmp_path / "start")},
        sampling={"scans_per_condition": 3, "steps_per_epoch": 2},  # shares of 5 and 4
        optimiser={"learning_rate": 1e-3, "averaging": 0.5},
        loss={"kind": "supcon", "head_dim": 4},
        schedule={"epochs": 2, "warmup_epochs": 0},
    )
    one = train(config, out=tmp_path / "one", progress=False)
    done = trained_by_two(config, tmp_path)
    assert done["best_epoch"] == one.best_epoch  # the first alone speaks
    two = load_encoder(tmp_path / "two" / "encoder").network.state_dict()
    for name, tensor in one.encoder.network.state_dict().items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=1e-5, msg=name)
    first, second = (
        [json.loads(line)["loss"] for line in path.read_text().splitlines()]
        for path in (tmp_path / "one" / "metrics.jsonl", tmp_path / "two" / "metrics.jsonl")
    )
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_two_processes_are_one_for_a_transformer_but_for_rounding(tmp_path):
    """AdamW divides by the size of a gradient: where it is mere rounding, so is the step."""
    cases = write_cases(tmp_path / "shapes")
    config = tiny_config(
        cases,
        encoder={"backbone": "vit", "embedding_dim": 8},
        sampling={"scans_per_condition": 3, "steps_per_epoch": 2},
        loss={"kind": "supcon"},
        schedule={"epochs": 1, "warmup_epochs": 0},
    )
    one = train(config, out=tmp_path / "one", progress=False).encoder.network
    trained_by_two(config, tmp_path)
    two = load_encoder(tmp_path / "two" / "encoder").network
    others = two.state_dict()
    apart = torch.cat(
        [(others[name] - tensor).abs().flatten() for name, tensor in one.state_dict().items()]
    )
    assert float((apart > 1e-5).float().mean()) < 1e-4
    assert float(apart.max()) < 1e-3
    scans = prepared_shapes().tensors
    with torch.inference_mode():
        torch.testing.assert_close(two.eval()(scans), one.eval()(scans), rtol=0, atol=1e-5)


def trained_by_two(config, folder):
    """Train the configuration by two processes of torchrun into `two`; what the command printed."""
    dump_config(config, folder / "run.toml")
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"),
        *("-m", "medsiam", "train", str(folder / "run.toml"), "--out", str(folder / "two")),
        "--json",
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"},
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
