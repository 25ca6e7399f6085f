from __future__ import annotations

from encoder_pages.training_curves import curve_rows, draw_curves

EPOCHS = [
    {"epoch": 1, "loss": 0.9, "learning_rate": 0.01, "validation_score": 0.4, "seconds": 2},
    {"epoch": 2, "loss": 0.5, "learning_rate": 0.02},
    {"epoch": 3, "loss": 0.3, "learning_rate": 0.01, "validation_score": 0.6},
]


def rows_of(chart):
    drawn = chart.to_dict()
    return [row for rows in drawn["datasets"].values() for row in rows]


def test_a_line_for_every_epoch():
    assert curve_rows(EPOCHS)[1] == {
        "epoch": 2, "loss on the training part": 0.5, "validation score": None,
        "learning rate": 0.02,
    }  # fmt: skip


def test_each_figure_has_its_chart_and_what_is_not_known_is_no_point():
    charts = draw_curves(EPOCHS, 3)
    assert list(charts) == ["loss on the training part", "validation score", "learning rate"]
    loss = [r["loss on the training part"] for r in rows_of(charts["loss on the training part"])
            if "loss on the training part" in r]  # fmt: skip
    assert loss == [0.9, 0.5, 0.3]
    scores = rows_of(charts["validation score"])
    assert [(r["epoch"], r["validation score"]) for r in scores if "validation score" in r] == [
        (1, 0.4),
        (3, 0.6),
    ]


def test_the_kept_epoch_is_marked_where_there_is_one():
    def marks(chart):
        return [layer["mark"]["type"] for layer in chart.to_dict()["layer"]]

    assert marks(draw_curves(EPOCHS, 3)["learning rate"]) == ["line", "rule"]
    assert marks(draw_curves(EPOCHS, None)["learning rate"]) == ["line"]
