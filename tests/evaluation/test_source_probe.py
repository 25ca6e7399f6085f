"""A source that the embeddings carry is found, one that they do not carry is not."""

from __future__ import annotations

import numpy as np

from medsiam.evaluation.source_probe import measure_source_probe


def probe(x, sources, subjects):
    return measure_source_probe(
        x,
        sources=sources,
        subjects=[str(s) for s in subjects],
        column="site",
        metric="euclidean",
        random_state=0,
    )


def test_a_shortcut_is_seen():
    rng = np.random.default_rng(0)
    sources = ["x"] * 20 + ["y"] * 20
    x = rng.normal(size=(40, 4))
    blind = probe(x, sources, range(40))
    assert blind.nearest.low < blind.nearest.chance < blind.nearest.high
    assert blind.linear.low < 0.5 < blind.linear.high
    x[:20] += 6
    seen = probe(x, sources, range(40))
    assert seen.nearest.value == seen.linear.value == 1.0
    assert (seen.column, seen.n_sources) == ("site", 2)


def test_a_source_of_one_subject_is_left_out():
    x = np.random.default_rng(1).normal(size=(13, 3))
    sources = ["x"] * 6 + ["y"] * 6 + ["z"]
    assert probe(x, sources, range(13)).n_sources == 2
    assert probe(x, ["x"] * 12 + ["z"], range(13)) is None
    assert probe(x, [None] * 13, range(13)) is None


def test_small_sources_have_no_linear_probe():
    x = np.random.default_rng(2).normal(size=(8, 3))
    found = probe(x, list("xxxxyyyy"), range(8))
    assert found.linear is None
    assert found.nearest.n_queries == 8
