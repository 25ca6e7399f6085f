"""Each loss as training calls it: against plain loops and libraries, and it teaches the shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_metric_learning.losses import MultiSimilarityLoss, SupConLoss
from torch.nn import functional

from medsiam.errors import UsageError
from medsiam.training.metric_objective import Compared, MetricObjective
from medsiam.training.objective import Objective
from tests.training.shapes import new_network, prepared_shapes, tiny_config

SCANS = prepared_shapes()


def codes_of(scans):
    return np.unique(scans.conditions, return_inverse=True)[1]


CODES = codes_of(SCANS)
EPISODES = {
    "kind": "episodes",
    "scans_per_condition": 4,
    "support_per_condition": 2,
    "uneven": True,
}
# The settings of a run for each loss, and what else it asks for.
RUNS = {
    "contrastive": ({"kind": "contrastive", "margin": 1.0}, {}),
    "triplet": ({"kind": "triplet"}, {}),
    "semi_hard": ({"kind": "triplet", "mining": "semi_hard"}, {}),
    "hard": ({"kind": "triplet", "mining": "hard", "memory": 24}, {}),
    "supcon": ({"kind": "supcon", "memory": 24, "head_dim": 6}, {}),
    "multi_similarity": ({"kind": "multi_similarity", "memory": 24}, {}),
    "prototypical": ({"kind": "prototypical"}, {"sampling": EPISODES}),
    "match": ({"kind": "match"}, {"match_head": True}),
    "cross_entropy": ({"kind": "cross_entropy"}, {}),
}


def set_up(loss, *, sampling=None, match_head=False, **sections):
    config = tiny_config(
        Path("cases.csv"),
        loss=loss,
        sampling=sampling or {"scans_per_condition": 4},
        encoder={
            "backbone": "resnet10",
            "width": 0.25,
            "embedding_dim": 8,
            "standardize": True,
            "match_head": match_head,
        },
        augmentation={"flip": True},
        **sections,
    )
    network = new_network(config).train()
    return MetricObjective(config, SCANS, network), network


def some_rows(n, dim=8, seed=0):
    rows = torch.from_numpy(np.random.default_rng(seed).normal(size=(n, dim))).float()
    return rows.requires_grad_()


def positives_of(positions):
    """(n, n) by the plain rule: same condition, another subject (here there always is one)."""
    return [
        [
            SCANS.conditions[i] == SCANS.conditions[j] and SCANS.subjects[i] != SCANS.subjects[j]
            for j in positions
        ]
        for i in positions
    ]


def step(objective, network, number):
    positions = objective.draw(number)
    rows = objective.observe(network, positions, np.arange(len(positions)), number)
    return objective.loss(rows, positions, number)


@pytest.mark.parametrize("name", RUNS)
def test_it_tells_shapes_apart_after_a_few_dozen_steps(name):
    loss, more = RUNS[name]
    objective, network = set_up(loss, **more)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = [*network.parameters(), *objective.heads.parameters()]
        optimiser = torch.optim.AdamW(weights, lr=3e-3)
        compared = []
        for number in range(25):
            optimiser.zero_grad()
            step(objective, network, number).backward()
            optimiser.step()
            compared.append(objective.last.n)
    assert compared[0] > 0
    fresh = prepared_shapes(patients=10, scans=1, seed=1)
    with torch.no_grad():
        embeddings = network.eval()(fresh.tensors)
        distances = torch.cdist(embeddings, embeddings).fill_diagonal_(torch.inf)
        hits = codes_of(fresh)[distances.argmin(dim=1)] == codes_of(fresh)
        assert hits.mean() >= 0.8  # chance 0.31
        if network.match_head is not None:
            first, second = np.triu_indices(len(embeddings), k=1)
            same = codes_of(fresh)[first] == codes_of(fresh)[second]
            logits = network.match_head(embeddings[first], embeddings[second]).numpy()
            assert (logits[same][:, None] > logits[~same]).mean() >= 0.85  # area under the ROC


@pytest.mark.parametrize("name", RUNS)
def test_gradients_are_finite_where_all_embeddings_are_equal(name):
    loss, more = RUNS[name]
    objective, _ = set_up(loss, **more)
    positions = objective.draw(0)
    rows = torch.ones(len(positions), 3 if name == "cross_entropy" else 8, requires_grad=True)
    for number in (0, 1):  # the second time with a memory, if there is one
        value = objective.loss(rows, objective.draw(number), number)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(rows.grad).all()


@pytest.mark.parametrize("name", RUNS)
def test_a_run_goes_on_from_its_state(name):
    loss, more = RUNS[name]
    whole, network = set_up(loss, **more)
    for number in (0, 1):
        step(whole, network, number)
    resumed, _ = set_up(loss, **more)
    resumed.heads.load_state_dict(whole.heads.state_dict())
    resumed.load_state(whole.state())
    network.eval()
    assert torch.equal(step(whole, network, 2), step(resumed, network, 2))
    assert whole.last == resumed.last


@pytest.mark.parametrize("memory", [0, 12])
def test_contrastive_is_the_loop(memory):
    objective, _ = set_up({"kind": "contrastive", "margin": 3.0, "memory": memory})
    earlier, now = objective.draw(0), objective.draw(1)
    old, rows = some_rows(12, seed=1), some_rows(12)
    objective.loss(old, earlier, 0)
    everyone = [*now, *earlier] if memory else [*now]
    points = torch.cat([rows, old]) if memory else rows
    positive = positives_of(everyone)
    pull, push, n_inside = [], [], 0
    for i in range(12):
        for j in range(i + 1, len(everyone)):
            d = float((points[i] - points[j]).detach().norm())
            if SCANS.conditions[everyone[i]] != SCANS.conditions[everyone[j]]:
                push.append(max(0.0, 3.0 - d) ** 2)
                n_inside += d < 3.0
            elif positive[i][j]:
                pull.append(d**2)
    expected = (np.mean(pull) + np.mean(push)) / 2
    assert objective.loss(rows, now, 1).item() == pytest.approx(expected, rel=1e-5)
    n = len(pull) + len(push)
    assert objective.last.n == n
    assert objective.last.active == pytest.approx((len(pull) + n_inside) / n)


@pytest.mark.parametrize("mining", ["all", "semi_hard", "hard"])
def test_triplet_is_the_loop(mining):
    objective, _ = set_up({"kind": "triplet", "margin": 2.0, "mining": mining})
    positions, rows = objective.draw(0), some_rows(12)
    squared = ((rows[:, None] - rows[None]) ** 2).sum(dim=2).tolist()
    positive = positives_of(positions)
    hinges = []
    for a in range(12):
        similar = [p for p in range(12) if positive[a][p]]
        others = [n for n in range(12) if CODES[positions[n]] != CODES[positions[a]]]
        if mining == "hard":
            slack = max(squared[a][p] for p in similar) - min(squared[a][n] for n in others)
            hinges.append(max(0.0, slack + 2.0))
            continue
        for p in similar:
            if mining == "all":
                hinges += [max(0.0, squared[a][p] - squared[a][n] + 2.0) for n in others]
                continue
            farther = [squared[a][n] for n in others if squared[a][n] > squared[a][p]]
            if farther and min(farther) < squared[a][p] + 2.0:
                hinges.append(squared[a][p] - min(farther) + 2.0)
    assert objective.loss(rows, positions, 0).item() == pytest.approx(np.mean(hinges), rel=1e-5)
    active = np.mean([hinge > 0 for hinge in hinges])
    assert objective.last == Compared(len(hinges), pytest.approx(active))


def test_where_mining_leaves_nothing_the_loss_and_its_gradient_are_zero():
    objective, _ = set_up({"kind": "triplet", "mining": "semi_hard", "margin": 0.1})
    positions = objective.draw(0)
    # Every condition at a point of its own, farther apart than the margin.
    rows = (3.0 * functional.one_hot(torch.from_numpy(CODES[positions]))).requires_grad_()
    loss = objective.loss(rows, positions, 0)
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(rows.grad, torch.zeros_like(rows))
    assert objective.last == Compared(0, 0.0)


@pytest.mark.parametrize("kind", ["supcon", "multi_similarity"])
def test_the_library_agrees(kind):
    """With a memory; pairs of one subject taken out of the library's list by the plain rule."""
    objective, _ = set_up({"kind": kind, "memory": 12, "temperature": 0.3})
    earlier, now = objective.draw(0), objective.draw(1)
    old, rows = some_rows(12, seed=1), some_rows(12)
    objective.loss(old, earlier, 0)
    everyone = np.concatenate([now, earlier])
    similar = torch.tensor(positives_of(everyone))[:12]
    others = torch.from_numpy(CODES[now][:, None] != CODES[everyone][None])
    library = SupConLoss(temperature=0.3) if kind == "supcon" else MultiSimilarityLoss()
    expected = library(
        rows,
        indices_tuple=(*torch.where(similar), *torch.where(others)),
        ref_emb=torch.cat([rows, old]).detach(),
    )
    assert objective.loss(rows, now, 1).item() == pytest.approx(expected.item(), rel=1e-5)


def test_prototypical_is_the_loop():
    objective, _ = set_up({"kind": "prototypical", "temperature": 0.7}, sampling=EPISODES)
    positions, rows = objective.draw(5), some_rows(12)
    # Uneven: the support of a condition comes first, and its subjects do not ask.
    n_support = [
        min(n for n in (1, 2) if objective._episode(5).support.reshape(3, 4)[c].sum() == n)
        for c in range(3)
    ]
    points = rows.detach().reshape(3, 4, 8)
    prototypes = [points[c, :n].mean(dim=0) for c, n in enumerate(n_support)]
    terms = []
    for c, n in enumerate(n_support):
        for query in points[c, n:]:
            scores = [-float(((query - p) ** 2).sum()) / 0.7 for p in prototypes]
            terms.append(-scores[c] + np.log(np.sum(np.exp(scores))))
    assert objective.loss(rows, positions, 5).item() == pytest.approx(np.mean(terms), rel=1e-5)
    assert objective.last == Compared(len(terms), 1.0)


def test_cross_entropy_has_one_output_per_condition_and_is_the_loop():
    objective, network = set_up({"kind": "cross_entropy"})
    positions = objective.draw(0)
    rows = objective.observe(network, positions, np.arange(12), 0)
    assert rows.shape == (12, 3)
    logits = rows.detach().numpy()
    terms = [
        np.log(np.exp(logits[i]).sum()) - logits[i, CODES[positions[i]]] for i in range(len(rows))
    ]
    assert objective.loss(rows, positions, 0).item() == pytest.approx(np.mean(terms), rel=1e-5)


def test_a_head_stands_between_embedding_and_loss_and_repeats():
    objective, network = set_up({"kind": "supcon", "head_dim": 5})
    again, _ = set_up({"kind": "supcon", "head_dim": 5})
    network.eval()
    positions = objective.draw(0)
    rows = objective.observe(network, positions, np.arange(12), 0)
    assert rows.shape == (12, 5)
    assert torch.equal(rows, again.observe(network, positions, np.arange(12), 0))
    other, _ = set_up({"kind": "supcon", "head_dim": 5}, run={"name": "tiny", "seed": 1})
    assert not torch.equal(objective.heads[0].weight, other.heads[0].weight)
    assert len(set_up({"kind": "supcon"})[0].heads) == 0


@pytest.mark.parametrize(
    "kind", ["contrastive", "triplet", "supcon", "multi_similarity", "match", "prototypical"]
)
def test_a_batch_of_one_condition_is_refused(kind):
    more = {
        "match": {"match_head": True},
        "prototypical": {"sampling": EPISODES},
    }.get(kind, {})
    objective, _ = set_up({"kind": kind}, **more)
    with pytest.raises(UsageError):
        objective.loss(some_rows(12), np.zeros(12, dtype=np.int64), 0)


def test_it_is_an_objective():
    objective: Objective = set_up({"kind": "triplet"})[0]
    assert objective.state() == {}
