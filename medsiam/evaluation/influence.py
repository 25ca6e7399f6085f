"""How far each subject moves a figure, both by asking and by being compared with.

An interval over the subjects that ask alone is too narrow by a third to a half: the references
are a sample of patients too. Derivatives by a subject's weight feed
`medsiam.metrics.influence_interval`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsiam.evaluation.episodes import Episodes

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


def query_influence(values: Floats, labels: Codes, weights: Floats) -> Floats:
    """(n,) influence of each query on the mean over labels of the weighted means of `values`.

    Args:
        values: (n,) one per query.
        labels: (n,) codes from 0; all 0 for a plain mean.
        weights: (n,) how often each value was observed.
    """
    total = np.bincount(labels, weights=weights)
    means = np.bincount(labels, weights=weights * values) / total
    influence: Floats = weights / total[labels] * (values - means[labels]) / len(total)
    return influence


def average_precision_influence(distances: Floats, relevant: NDArray[np.bool_]) -> Floats:
    """Derivative of each query's average precision by the weight of each case it ranks.

    With N and R the weights of all and of relevant cases up to a relevant one, AP is the mean of
    R / N over relevant cases, and its derivatives follow by the quotient rule.

    Args:
        distances: (b, n); infinite for a case that is no candidate.
        relevant: (b, n).

    Returns:
        (b, n); rows sum to 0, and are 0 where no candidate is relevant.
    """
    n = distances.shape[1]
    order = np.argsort(distances, axis=1)
    ranked = np.take_along_axis(distances, order, axis=1)
    candidate = np.isfinite(ranked)
    found = np.take_along_axis(relevant, order, axis=1) & candidate
    step = np.ones_like(found)
    step[:, 1:] = ranked[:, 1:] != ranked[:, :-1]
    starts = np.maximum.accumulate(np.where(step, np.arange(n), 0), axis=1)  # of each tie
    last = np.ones_like(found)
    last[:, :-1] = step[:, 1:]
    ends = np.minimum.accumulate(np.where(last, np.arange(n), n)[:, ::-1], axis=1)[:, ::-1]
    n_up_to = ends + 1.0
    hits = np.take_along_axis(np.cumsum(found, axis=1), ends, axis=1)
    precision = hits / n_up_to
    # A case at place p is counted in N, and in R if relevant, of every relevant case from p on.
    gain = np.take_along_axis(_from_here_on(found / n_up_to), starts, axis=1)
    loss = np.take_along_axis(_from_here_on(found * precision / n_up_to), starts, axis=1)
    n_found = found.sum(axis=1, keepdims=True)
    average = (precision * found).sum(axis=1, keepdims=True) / np.maximum(n_found, 1)
    pull = (found * (precision + gain - average) - candidate * loss) / np.maximum(n_found, 1)
    influence: Floats = np.empty_like(pull)
    np.put_along_axis(influence, order, pull, axis=1)
    return influence


def nearest_of_each_subject(distances: Floats, owners: Codes, *, depth: int = 32) -> Codes:
    """Return each query's nearest case of each of the `depth` nearest subjects.

    Args:
        distances: (b, n); infinite for a case that is no candidate.
        owners: (n,) subject of each case.
        depth: subjects kept.

    Returns:
        (b, depth) positions from near to far, -1 where there are no more.
    """
    nearest = np.full((len(distances), depth), -1, dtype=np.intp)
    for row, own in zip(nearest, distances, strict=True):
        order = np.argsort(own, kind="stable")[: int(np.isfinite(own).sum())]
        first = np.sort(np.unique(owners[order], return_index=True)[1])[:depth]
        row[: len(first)] = order[first]
    return nearest


def half_sample_variances(
    nearest: Codes, labels: Codes, owners: Codes, *, random_state: int, n_samples: int = 200
) -> tuple[float, float]:
    """Variance over subjects of macro and micro P@1.

    P@1 jumps when a neighbour goes, so it has no derivative; its spread over random halves of the
    subjects is that of the whole (J. Shao and C. F. J. Wu, "A general theory for jackknife
    variance estimation", Annals of Statistics 17 (1989) 1176-1197), rather too wide than too
    narrow.

    Args:
        nearest: (n, depth) as `nearest_of_each_subject` gives them.
        labels: (n,) codes from 0; -1 for a case that is no query.
        owners: (n,) codes from 0.
        random_state: seed of the halves.
        n_samples: halves drawn.
    """
    rng = np.random.default_rng(random_state)
    n_subjects = int(owners.max()) + 1
    half = n_subjects // 2
    figures = []
    for _ in range(n_samples):
        drawn = np.zeros(n_subjects, dtype=bool)
        drawn[rng.permutation(n_subjects)[:half]] = True
        present = drawn[owners[nearest]] & (nearest >= 0)
        asks = drawn[owners] & (labels >= 0) & present.any(axis=1)
        found = nearest[asks, present[asks].argmax(axis=1)]
        own = labels[asks]
        if len(own):
            right = labels[found] == own
            n = np.bincount(own)
            by_label = np.bincount(own, weights=right)[n > 0] / n[n > 0]
            figures.append((by_label.mean(), right.mean()))
    macro, micro = np.var(figures, axis=0) * half / (n_subjects - half)
    return float(macro), float(micro)


@dataclass(frozen=True, eq=False)
class FewShotInfluence:
    """What moves few-shot accuracy.

    Attributes:
        by_subject: (s,) influence on the mean accuracy of the conditions.
        extra: variance that a finite number of episodes adds to the figure, less what it adds to
            the influences.
    """

    by_subject: Floats
    extra: float


def few_shot_influence(
    hits: Floats, episodes: Episodes, *, labels: Codes, owners: Codes
) -> FewShotInfluence:
    """Influence of each subject on few-shot accuracy, by asking and by supporting.

    The part of the support is the infinitesimal jackknife for subsamples (S. Wager, T. Hastie and
    B. Efron, "Confidence intervals for random forests: the jackknife and the infinitesimal
    jackknife", J. Machine Learning Research 15 (2014) 1625-1651): how accuracy differs between
    episodes with and without the subject in the support. Each query's ease is taken out first,
    because a subject in the support does not ask.

    Args:
        hits: (e, w, n_query) as `score_queries` gives them.
        episodes: what was scored.
        labels: (n,) condition of each case, codes from 0.
        owners: (n,) subject of each case, codes from 0.
    """
    pairs, role = np.unique(np.stack([labels, owners]), axis=1, return_inverse=True)
    role = role.ravel()  # a subject in one condition
    of_label, of_subject = pairs
    asking = role[episodes.query]
    asked = np.bincount(asking.ravel(), minlength=len(of_label)).astype(np.float64)
    right = np.zeros(len(of_label))
    np.add.at(right, asking, hits)
    ease = right / np.maximum(asked, 1)
    surprise = (hits - ease[asking]).mean(axis=(1, 2))
    by_supporting, noise = _support_influence(surprise, role[episodes.support], of_label)
    asker, both = np.zeros(int(owners.max()) + 1), np.zeros(int(owners.max()) + 1)
    np.add.at(asker, of_subject, query_influence(ease, of_label, asked))
    np.add.at(both, of_subject, query_influence(ease, of_label, asked) + by_supporting)
    # The correction never takes more than the support has added.
    added = float(np.sum(both**2) - np.sum(asker**2))
    of_episodes = float(hits.mean(axis=(1, 2)).var()) / len(hits)
    return FewShotInfluence(both, of_episodes - min(noise, max(0.0, added)))


def _support_influence(surprise: Floats, support: Codes, of_label: Codes) -> tuple[Floats, float]:
    """Influence of each role by supporting, and the variance that is only the episodes' luck.

    Args:
        surprise: (e,) accuracy of each episode beyond the ease of its queries.
        support: (e, w, n_shot) roles.
        of_label: (n_roles,) condition of each role.
    """
    n_episodes, _, n_shot = support.shape
    rows = np.arange(n_episodes)[:, None]
    inside = np.zeros((n_episodes, len(of_label)))
    inside[rows, support.reshape(n_episodes, -1)] = 1
    playing = np.zeros((n_episodes, int(of_label.max()) + 1))  # conditions of each episode
    playing[rows, of_label[support[:, :, 0]]] = 1
    n_in, n_all = inside.sum(axis=0), playing.sum(axis=0)[of_label]
    sum_in, sum_all = surprise @ inside, (surprise @ playing)[of_label]
    both = (n_in > 0) & (n_in < n_all)
    per_in = np.where(both, 1 / np.maximum(n_in, 1), 0.0)
    per_out = np.where(both, 1 / np.maximum(n_all - n_in, 1), 0.0)
    n_subjects = np.bincount(of_label)[of_label]
    share = n_all / n_episodes * n_shot / n_subjects * (n_subjects - 1) / n_subjects
    influence: Floats = share * (sum_in * per_in - (sum_all - sum_in) * per_out)
    return influence, float(np.sum(share**2 * surprise.var() * (per_in + per_out)))


def _from_here_on(values: Floats) -> Floats:
    return np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
