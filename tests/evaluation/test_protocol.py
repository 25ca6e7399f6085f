"""The protocol from TOML: strict, frozen, its faults named."""

from __future__ import annotations

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
    ],
)
def test_faults_are_named(tmp_path, text, words):
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, text)
