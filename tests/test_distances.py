"""Distances against SciPy, shrinkage against scikit-learn."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.spatial.distance import cdist
from sklearn.covariance import LedoitWolf

from medsiam.distances import (
    METRICS,
    pairwise_distances,
    shrunk_precision,
    span_coordinates,
)
from medsiam.errors import UsageError


def draw(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d)) + 3.0


def precision_for(metric, x):
    return shrunk_precision(x) if metric == "mahalanobis" else None


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n", "m", "d"), [(1, 1, 1), (3, 300, 7), (130, 70, 33), (2, 5, 600)])
def test_equals_scipy(metric, n, m, d):
    a, b = draw(n, d, 1), draw(m, d, 2)
    precision = precision_for(metric, draw(40, d, 3))
    extra = {} if precision is None else {"VI": precision}
    found = pairwise_distances(a, b, metric=metric, precision=precision)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, cdist(a, b, metric, **extra), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("metric", METRICS)
def test_a_pair_has_one_distance_whatever_stands_around_it(metric):
    x = draw(150, 37)
    precision = precision_for(metric, x)
    whole = pairwise_distances(x, x, metric=metric, precision=precision)
    assert (whole == whole.T).all()
    assert np.abs(np.diag(whole)).max() < 1e-5
    some, others = [3, 149, 77], [80, 3, 0, 1]
    part = pairwise_distances(x[some], x[others], metric=metric, precision=precision)
    assert (part == whole[np.ix_(some, others)]).all()


@pytest.mark.parametrize("metric", METRICS)
@given(
    x=npst.arrays(
        np.float32,
        st.tuples(st.integers(1, 6), st.just(4)),
        elements=st.floats(-1000, 1000, width=32),
    )
)
@settings(max_examples=40, deadline=None)
def test_distances_are_distances(metric, x):
    precision = np.diag([1.0, 2.0, 0.5, 1.0]) if metric == "mahalanobis" else None
    found = pairwise_distances(x, x, metric=metric, precision=precision)
    assert (found >= 0).all()
    assert (found == found.T).all()
    if metric == "cosine":
        assert (found <= 2).all()
        zero = ~x.any(axis=1)
        assert (found[zero] == 1).all()
        assert np.abs(np.diag(found)[~zero]).max(initial=0) < 1e-5
    else:
        assert np.abs(np.diag(found)).max() < 1e-5
        for k in range(len(x)):  # no way round is shorter
            assert (found <= found[:, [k]] + found[[k], :] + 1e-6).all()


def test_near_copies_far_from_the_origin_keep_their_digits():
    a = np.full((1, 50), 1e4)
    b = a + 1e-5
    exact = 1e-5 * np.sqrt(50)
    assert pairwise_distances(a, b, metric="euclidean")[0, 0] == pytest.approx(exact, rel=1e-6)
    near = pairwise_distances(a, b, metric="mahalanobis", precision=4 * np.eye(50))[0, 0]
    assert near == pytest.approx(2 * exact, rel=1e-6)


def test_equal_cases_tie_exactly():
    x = draw(400, 65)
    x[[7, 250, 399]] = x[100]
    query = draw(1, 65, 9)
    for metric in METRICS:
        found = pairwise_distances(query, x, metric=metric, precision=precision_for(metric, x))[0]
        assert len({found[i] for i in (7, 100, 250, 399)}) == 1


def test_memory_of_many_collapsed_references_stays_bounded():
    query, references = np.ones((64, 256)), np.ones((4000, 256))  # every pair is recomputed
    pairwise_distances(query[:1], references[:1], metric="euclidean")
    tracemalloc.start()
    found = pairwise_distances(query, references, metric="euclidean")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not found.any()
    # All differences at once would take 64 * 4000 * 256 * 8 bytes = 524 MB.
    assert peak < found.nbytes + 80e6


def test_semidefinite_precision_is_taken():
    a, b = draw(4, 3, 1), draw(5, 3, 2)
    only_first = np.diag([4.0, 0.0, 0.0])
    found = pairwise_distances(a, b, metric="mahalanobis", precision=only_first)
    np.testing.assert_allclose(found, 2 * np.abs(a[:, :1] - b[:, :1].T))


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        (None, "needs a precision"),
        (np.eye(3), "finite .2, 2. matrix"),
        (np.array([[1.0, 0.5], [0.0, 1.0]]), "symmetric"),
        (np.diag([1.0, -1.0]), "semidefinite"),
        (np.diag([1.0, np.nan]), "finite"),
    ],
)
def test_no_precision_matrix(precision, words):
    with pytest.raises(UsageError, match=words):
        pairwise_distances(
            np.ones((1, 2)), np.ones((1, 2)), metric="mahalanobis", precision=precision
        )


def test_unknown_metric_names_the_three_and_the_nearest():
    with pytest.raises(UsageError, match=r"euclidean, cosine, mahalanobis; did you mean cosine\?"):
        pairwise_distances(np.ones((1, 2)), np.ones((1, 2)), metric="Cosinus")
    with pytest.raises(UsageError, match=r"mahalanobis$"):
        pairwise_distances(np.ones((1, 2)), np.ones((1, 2)), metric="zzz")


def test_shapes_and_values_that_do_not_fit():
    with pytest.raises(UsageError, match="2 dimensions and references 3"):
        pairwise_distances(np.ones((1, 2)), np.ones((1, 3)), metric="cosine")
    with pytest.raises(UsageError, match=r"\(n, d\)"):
        pairwise_distances(np.ones(2), np.ones((1, 2)), metric="cosine")
    broken = np.ones((3, 2))
    broken[1, 0] = np.nan
    with pytest.raises(UsageError, match=r"references hold .* in row 1"):
        pairwise_distances(np.ones((1, 2)), broken, metric="cosine")


@pytest.mark.parametrize(("n", "d"), [(200, 5), (30, 12), (12, 40)])
@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_shrinkage_equals_scikit_learn_within_labels(n, d, scale):
    rng = np.random.default_rng(4)
    x = rng.normal(size=(n, d)) * np.linspace(0.3, 2, d) * scale
    labels = rng.permutation(np.resize(list("aabccc"), n))
    residuals = np.concatenate([x[labels == c] - x[labels == c].mean(axis=0) for c in "abc"])
    reference = LedoitWolf(assume_centered=True).fit(residuals).precision_
    found = shrunk_precision(x, labels)
    np.testing.assert_allclose(found, reference, rtol=1e-7, atol=1e-9 * reference.max())
    assert (found == found.T).all()
    assert np.linalg.eigvalsh(found)[0] > 0


def test_without_labels_all_rows_are_one_group():
    x = draw(20, 6)
    reference = LedoitWolf(assume_centered=True).fit(x - x.mean(axis=0)).precision_
    np.testing.assert_allclose(shrunk_precision(x), reference, rtol=1e-8)


def test_a_label_of_one_row_says_nothing_about_spread():
    x, labels = draw(10, 4), ["a"] * 5 + ["b"] * 5
    lonely = np.concatenate([x, [[1e6, 0, 0, 0]]])
    np.testing.assert_allclose(
        shrunk_precision(lonely, [*labels, "c"]), shrunk_precision(x, labels), rtol=1e-9
    )


def test_spread_in_one_direction_only_is_taken_for_all():
    x = np.array([[1.0, 0, 0], [-1.0, 0, 0], [5, 5, 5]])
    np.testing.assert_allclose(shrunk_precision(x, ["a", "a", "b"]), 3 * np.eye(3))


@pytest.mark.parametrize("labels", [["a", "b", "c"], ["a", "a", "b"]])
def test_no_spread_at_all_is_refused(labels):
    x = np.array([[0.1, 0.7], [0.1, 0.7], [5.0, 6.0]])
    with pytest.raises(UsageError, match="no condition has two different cases"):
        shrunk_precision(x, labels)


def test_labels_of_another_length_are_refused():
    with pytest.raises(UsageError, match="as many labels"):
        shrunk_precision(draw(4, 2), ["a"])


def test_span_coordinates_change_no_distance():
    x, labels = draw(12, 90), list("aaabbbcccddd")
    points = span_coordinates(x)
    assert points.shape == (12, 12)
    for metric in ("euclidean", "cosine"):
        np.testing.assert_allclose(
            pairwise_distances(points, points, metric=metric),
            pairwise_distances(x, x, metric=metric),
            atol=1e-10,
        )
    small = shrunk_precision(points, labels, dimensions=90)
    np.testing.assert_allclose(
        pairwise_distances(points, points, metric="mahalanobis", precision=small),
        pairwise_distances(x, x, metric="mahalanobis", precision=shrunk_precision(x, labels)),
        atol=1e-8,
    )
    assert span_coordinates(draw(9, 4)).shape == (9, 4)
