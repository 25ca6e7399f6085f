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
    total = np.maximum(np.bincount(labels, weights=weights), 1e-300)
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
    hits: Floats,
    episodes: Episodes,
    *,
    labels: Codes,
    owners: Codes,
    answers: NDArray[np.bool_] | None = None,
    label: int | None = None,
) -> FewShotInfluence:
    """Influence of each subject on few-shot accuracy, by asking and by supporting.

    The part of the support is the infinitesimal jackknife for subsamples (S. Wager, T. Hastie and
    B. Efron, "Confidence intervals for random forests: the jackknife and the infinitesimal
    jackknife", J. Machine Learning Research 15 (2014) 1625-1651): how accuracy differs between
    episodes with and without the subject in the support. Each query's ease is taken out first,
    because a subject in the support does not ask.

    Args:
        hits: (e, w, n_query) share of each query that got its own condition.
        episodes: what was scored.
        labels: (n,) condition of each case, codes from 0.
        owners: (n,) subject of each case, codes from 0.
        answers: (n,) cases that may be support; None: all.
        label: the accuracy of this condition alone; None: the mean over conditions.
    """
    support, query = episodes.support, episodes.query
    if label is not None:
        rows, way = np.nonzero(labels[query[:, :, 0]] == label)
        support, query, hits = support[rows], query[rows, way][:, None], hits[rows, way][:, None]
    pairs, role = np.unique(np.stack([labels, owners]), axis=1, return_inverse=True)
    role = role.ravel()  # a subject in one condition
    of_label, of_subject = pairs
    asking = role[query]
    asked = np.bincount(asking.ravel(), minlength=len(of_label)).astype(np.float64)
    right = np.zeros(len(of_label))
    np.add.at(right, asking, hits)
    ease = right / np.maximum(asked, 1)
    surprise = (hits - ease[asking]).mean(axis=(1, 2))
    banked = np.bincount(role, weights=answers, minlength=len(of_label)) > 0
    by_supporting, noise = _support_influence(
        surprise, np.where(support >= 0, role[support], -1), of_label, banked
    )
    groups = of_label if label is None else np.where(of_label == label, 0, 1)
    by_asking = query_influence(ease, groups, asked)
    if label is not None:
        by_asking = np.where(of_label == label, 2 * by_asking, 0.0)  # one group of the two
    asker, both = np.zeros(int(owners.max()) + 1), np.zeros(int(owners.max()) + 1)
    np.add.at(asker, of_subject, by_asking)
    np.add.at(both, of_subject, by_asking + by_supporting)
    # The correction never takes more than the support has added.
    added = float(np.sum(both**2) - np.sum(asker**2))
    of_episodes = float(hits.mean(axis=(1, 2)).var()) / len(hits)
    return FewShotInfluence(both, of_episodes - min(noise, max(0.0, added)))


def _support_influence(
    surprise: Floats, support: Codes, of_label: Codes, banked: NDArray[np.bool_]
) -> tuple[Floats, float]:
    """Influence of each role by supporting, and the variance that is only the episodes' luck.

    Args:
        surprise: (e,) accuracy of each episode beyond the ease of its queries.
        support: (e, w, n_shot) roles; -1 for an empty place.
        of_label: (n_roles,) condition of each role.
        banked: (n_roles,) whether the role may be support.
    """
    n_episodes = len(support)
    rows = np.arange(n_episodes)[:, None]
    inside = np.zeros((n_episodes, len(of_label) + 1))
    inside[rows, support.reshape(n_episodes, -1)] = 1
    inside = inside[:, :-1]  # the last one stands for empty places
    n_shot = float((support >= 0).sum(axis=2).mean())
    playing = np.zeros((n_episodes, int(of_label.max()) + 1))  # conditions of each episode
    playing[rows, of_label[support[:, :, 0]]] = 1
    n_in, n_all = inside.sum(axis=0), playing.sum(axis=0)[of_label]
    sum_in, sum_all = surprise @ inside, (surprise @ playing)[of_label]
    both = (n_in > 0) & (n_in < n_all)
    per_in = np.where(both, 1 / np.maximum(n_in, 1), 0.0)
    per_out = np.where(both, 1 / np.maximum(n_all - n_in, 1), 0.0)
    n_subjects = np.maximum(np.bincount(of_label, weights=banked), 1)[of_label]
    share = n_all / n_episodes * n_shot / n_subjects * (n_subjects - 1) / n_subjects
    influence: Floats = share * (sum_in * per_in - (sum_all - sum_in) * per_out)
    return influence, float(np.sum(share**2 * surprise.var() * (per_in + per_out)))


def _from_here_on(values: Floats) -> Floats:
    return np.cumsum(values[:, ::-1], axis=1)[:, ::-1]


def sum_of_each(codes: Codes, values: Floats, n: int) -> Floats:
    """(n,) sum of the values with each code."""
    return np.asarray(np.bincount(codes, weights=values, minlength=n), dtype=np.float64)


def auc_influence(scores: Floats, positive: NDArray[np.bool_]) -> tuple[float, Floats]:
    """Area under the ROC curve and (n,) how far each case moves it.

    E. DeLong et al., "Comparing the areas under two or more correlated receiver operating
    characteristic curves", Biometrics 44 (1988) 837-845.

    Args:
        scores: (n,) higher = more positive.
        positive: (n,) both kinds must be there.
    """
    low, high = np.sort(scores[~positive]), np.sort(scores[positive])
    wins = np.empty(len(scores))  # of each case against the cases of the other kind
    wins[positive] = share_below(low, scores[positive])
    wins[~positive] = 1 - share_below(high, scores[~positive])
    value = float(wins[positive].mean())
    return value, (wins - value) / np.where(positive, len(high), len(low))


def share_below(ranked: Floats, values: Floats) -> Floats:
    """Share of sorted `ranked` below each value; equal ones count one half."""
    below = np.searchsorted(ranked, values, side="left")
    up_to = np.searchsorted(ranked, values, side="right")
    share: Floats = (below + up_to) / (2 * len(ranked))
    return share
