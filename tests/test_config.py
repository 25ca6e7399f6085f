from __future__ import annotations

import pytest
from pydantic import BaseModel, ConfigDict

from medsiam.config import dump_config, load_config
from medsiam.errors import ConfigError


class Loss(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: str = "triplet"
    margin: float = 0.2


class Run(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    name: str
    sizes: tuple[int, ...] = (1, 2)
    note: str | None = None
    loss: Loss | None = None


def write(tmp_path, text):
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_values_and_overrides(tmp_path):
    path = write(tmp_path, 'name = "a"\n[loss]\nmargin = 0.5\n')
    config = load_config(path, Run, ["loss.margin=3e-1", "loss.kind=contrastive", "sizes=[3]"])
    assert config == Run(name="a", sizes=(3,), loss=Loss(kind="contrastive", margin=0.3))


def test_an_override_may_open_a_section(tmp_path):
    config = load_config(write(tmp_path, 'name = "a"\n'), Run, ["loss.margin=1"])
    assert config.loss == Loss(margin=1.0)


def test_all_faults_at_once_with_the_nearest_key(tmp_path):
    path = write(tmp_path, 'nmae = "a"\nsizes = ["x"]\n[loss]\nmargni = 1\n')
    with pytest.raises(ConfigError) as caught:
        load_config(path, Run, ["broken"])
    message = str(caught.value)
    assert "nmae: unknown key; did you mean name?" in message
    assert "loss.margni: unknown key; did you mean margin?" in message
    assert "name: missing" in message
    assert "sizes.0" in message
    assert "'broken' is not of the form section.key=value" in message


def test_environment_variables_are_expanded_or_named(tmp_path, monkeypatch):
    path = write(tmp_path, 'name = "${MEDSIAM_TEST_DIR}/a"\n')
    monkeypatch.setenv("MEDSIAM_TEST_DIR", "/data")
    assert load_config(path, Run).name == "/data/a"
    monkeypatch.delenv("MEDSIAM_TEST_DIR")
    with pytest.raises(ConfigError, match=r"name: environment variable MEDSIAM_TEST_DIR is not"):
        load_config(path, Run)


@pytest.mark.parametrize("text", ["name = ", "name = 'a'\nname = 'b'\n"])
def test_invalid_toml_is_said(tmp_path, text):
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_config(write(tmp_path, text), Run)


def test_a_missing_file_or_a_folder_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "none.toml", Run)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path, Run)


def test_dump_reads_back_to_an_equal_model(tmp_path):
    config = Run(name='quote " and \\ ü', sizes=(), loss=Loss(margin=1e-9))
    dump_config(config, tmp_path / "out.toml")
    assert load_config(tmp_path / "out.toml", Run) == config
