"""The protocol from TOML: strict, frozen, its faults named."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from medsiam.config import load_config
from medsiam.errors import ConfigError
from medsiam.evaluation import EpisodeProtocol


def load(tmp_path, text):
    path = tmp_path / "protocol.toml"
    path.write_text(text)
    return load_config(path, EpisodeProtocol)


def test_an_empty_file_gives_the_defaults(tmp_path):
    protocol = load(tmp_path, "")
    assert protocol == EpisodeProtocol()
    assert (protocol.n_shots, protocol.n_episodes, protocol.metric) == ((1, 5, 10), 1000, "cosine")


def test_toml_is_read(tmp_path):
    protocol = load(
        tmp_path, 'conditions = ["HCM", "RV"]\nn_shots = [2]\nmetric = "euclidean"\nn_way = 2\n'
    )
    assert protocol == EpisodeProtocol(
        conditions=("HCM", "RV"), n_shots=(2,), metric="euclidean", n_way=2
    )
    with pytest.raises(ValidationError, match="frozen"):
        protocol.n_way = 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("n_shot = [1]", "did you mean n_shots"),
        ("n_shots = []", "at least one number"),
        ("n_shots = [0]", "each 1 or more"),
        ("n_shots = [5, 5]", "a number twice"),
        ('conditions = ["a"]', "at least two"),
        ('conditions = ["a", "b", "a"]', "one twice"),
        ("n_way = 1", "n_way"),
        ("n_episodes = 0", "n_episodes"),
        ("n_query = 0", "n_query"),
        ('metric = "manhattan"', "metric"),
        ('sources = "two"', "sources"),
        ("[filter]\nview = []", "a column without a value"),
        ("n_folds = 1", "n_folds"),
        ('slices = ["source", "patient_id"]', "slices names patient_id"),
        ('source_column = "group"', "source_column names group"),
        ('[filter]\nnotes = "x"', "filter names notes"),
        ("[filter]\nold = true", "filter.old"),
    ],
)
def test_faults_are_named(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, text)


def test_a_filter_may_have_one_value_or_several(tmp_path):
    protocol = load(tmp_path, '[filter]\nsource = "x"\nview = ["AP", "PA"]\nyear = 2019\n')
    assert protocol.filter == {"source": ("x",), "view": ("AP", "PA"), "year": ("2019",)}


CONFIGS = sorted((Path(__file__).parents[2] / "configs" / "evaluation").glob("*.toml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_protocol_that_is_shipped_is_valid_and_explains_itself(path):
    load_config(path, EpisodeProtocol)
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    for word in ("What:", "Data:", "Launch:", "Chance:"):
        assert any(word in line for line in head)
    assert any(f"configs/evaluation/{path.name}" in line for line in head)


def test_there_are_protocols():
    assert len(CONFIGS) >= 8
