from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.covariance import shrunk_covariance
from torch.nn.functional import normalize

from medsiam.encoders.whitening import Whitening
from medsiam.errors import UsageError


def sample(seed: int = 0, n: int = 60, dim: int = 5):
    rng = np.random.default_rng(seed)
    names = [f"c{i % 3}" for i in range(n)]
    centres = rng.normal(size=(3, dim)) * 2
    mixing = rng.normal(size=(dim, dim))
    x = rng.normal(size=(n, dim)) @ mixing + centres[np.arange(n) % 3] + 4
    return torch.from_numpy(x).float(), names


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("shrinkage", [0.0, 0.3])
def test_the_shrunk_scatter_becomes_the_same_along_all_axes(labelled, shrinkage):
    x, names = sample()
    whitening = Whitening(5)
    whitening.fit(x, names if labelled else None, shrinkage=shrinkage)
    inside = x.double().numpy().copy()
    for name in set(names) if labelled else ():
        own = np.array(names) == name
        inside[own] -= inside[own].mean(axis=0)
    if not labelled:
        inside -= inside.mean(axis=0)
    scatter = shrunk_covariance(np.cov(inside.T, bias=True), shrinkage)
    w = whitening.matrix[0].double().numpy()
    np.testing.assert_allclose(w @ scatter @ w, np.eye(5) * np.trace(scatter) / 5, atol=1e-4)
    torch.testing.assert_close(whitening(x).mean(dim=0), torch.zeros(5), atol=1e-4, rtol=0)


def test_fresh_it_changes_nothing():
    x, _ = sample()
    for n_domains in (1, 3):
        torch.testing.assert_close(Whitening(5, n_domains)(x), x)


def test_each_domain_has_its_own_and_strangers_stay_as_they_are():
    x, names = sample()
    y = torch.cat([-x[:, :2], x[:, 2:]], dim=1)  # another direction from the origin
    both, one = Whitening(5, 2), Whitening(5)
    both.fit(x, names, shrinkage=0.2, domain=0)
    both.fit(y, None, shrinkage=0.2, domain=1)
    one.fit(x, names, shrinkage=0.2)
    assert both.domains(x).tolist() == [0] * len(x)
    assert both.domains(y).tolist() == [1] * len(y)
    stranger = -x[:3]
    assert both.domains(stranger).tolist() == [-1] * 3
    mixed = both(torch.cat([x[:2], y[:2], stranger]))
    torch.testing.assert_close(mixed[:2], one(x[:2]))
    torch.testing.assert_close(mixed[4:], stranger)
    alone = torch.cat([both(row[None]) for row in y[:2]])
    torch.testing.assert_close(mixed[2:4], alone)


@pytest.mark.parametrize(
    ("x", "names", "message"),
    [
        (torch.ones(4, 3), None, "do not vary"),
        (torch.eye(3), ["a", "b", "c"], "within their conditions"),
        (torch.eye(3), ["a"], "3 rows of features for 1"),
    ],
)
def test_what_cannot_be_fitted(x, names, message):
    with pytest.raises(UsageError, match=message):
        Whitening(3).fit(x, names, shrinkage=0.5)


def test_plain_and_whitened_features_can_be_joined():
    x, names = sample()
    joined, alone = Whitening(5, keep=0.3), Whitening(5)
    for whitening in (joined, alone):
        whitening.fit(x, names, shrinkage=0.2)
    assert joined.out_dim == 10
    plain, white = normalize(x, dim=1), normalize(alone(x), dim=1)
    found = joined(x)
    closeness = 0.3 * (plain @ plain.T) + 0.7 * (white @ white.T)
    torch.testing.assert_close(found @ found.T, closeness, atol=1e-5, rtol=1e-4)


def test_a_stranger_is_still_compared_by_its_plain_features():
    x, names = sample()
    far = torch.eye(5) * 60
    joined = Whitening(5, 2, keep=0.3)
    for domain in range(2):
        joined.fit(x + far[domain], names, shrinkage=0.2, domain=domain)
    strangers = x - far[2]
    assert joined.domains(strangers).tolist() == [-1] * len(x)
    found, plain = normalize(joined(strangers), dim=1), normalize(strangers, dim=1)
    torch.testing.assert_close(found @ found.T, plain @ plain.T)


def test_a_condition_left_out_lies_within_the_radius():
    x, names = sample(n=300)
    seen = [i for i, name in enumerate(names) if name != "c2"]
    whitening = Whitening(5, 2)
    for domain, sign in enumerate((1, -1)):
        whitening.fit(sign * x[seen], [names[i] for i in seen], shrinkage=0.2, domain=domain)
    inside = whitening.domains(x) == 0
    assert inside.float().mean() > 0.85
