"""Figures reach TensorBoard, and a resumed run takes back what it makes anew."""

from __future__ import annotations

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from medsiam.training.board import open_board


def test_figures_are_there_once(tmp_path):
    with open_board(tmp_path, after_epoch=0, enabled=True) as board:
        for epoch in (1, 2, 3):
            board.add("training", {"epoch": epoch, "loss": 1.0 / epoch})
    with open_board(tmp_path, after_epoch=2, enabled=True) as board:  # killed within epoch 3
        board.add("training", {"epoch": 3, "loss": 0.25})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("training/loss")] == [
        (1, 1.0),
        (2, 0.5),
        (3, 0.25),
    ]


def test_other_processes_write_nothing(tmp_path):
    with open_board(tmp_path, after_epoch=0, enabled=False) as board:
        board.add("training", {"epoch": 1, "loss": 1.0})
    assert not list(tmp_path.iterdir())
