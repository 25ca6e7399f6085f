from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from medsiam.cli import main
from medsiam.cli.review import (
    add_parser,
    app_environment,
    app_script,
    require_free_port,
    streamlit_command,
)
from medsiam.cli.review_login import Entrance, entrance
from medsiam.encoders import Architecture, new_encoder
from medsiam.errors import UsageError
from medsiam.preprocessing import Recipe

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Path:
    from medsiam import ReferenceBank

    architecture = Architecture(spatial_dims=2, backbone="resnet10", width=0.25, embedding_dim=8)
    recipe = Recipe(spatial_dims=2, spatial_size=(32, 32))
    encoder = new_encoder(architecture, recipe, name="tiny", licence="test only")
    path = tmp_path_factory.mktemp("review") / "bank"
    ReferenceBank.create(path, encoder)
    return path


@pytest.fixture
def taken_port():
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    """What is refused is refused before anything is started."""

    def started(*args, **kwargs):
        raise AssertionError("the server was started")

    monkeypatch.setattr("medsiam.cli.review._server", started)


def error_of(capsys) -> str:
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2  # the research-use line and the error
    return lines[1]


def test_no_bank_is_exit_6(tmp_path, capsys):
    assert main(["review", "--bank", str(tmp_path / "none")]) == 6
    assert "no bank" in error_of(capsys)


def test_a_bank_of_another_encoder_is_exit_6(bank, tmp_path, capsys):
    import shutil

    broken = shutil.copytree(bank, tmp_path / "bank")
    card = broken / "encoder" / "card.json"
    text = card.read_text()
    start = text.index('"fingerprint": "') + len('"fingerprint": "')
    card.write_text(text[:start] + "f" * 64 + text[start + 64 :])
    assert main(["review", "--bank", str(broken)]) == 6
    assert error_of(capsys).startswith("medsiam: error: ")


@pytest.mark.parametrize("option", ["--studies", "--batches", "--runs"])
def test_no_such_folder_is_exit_2(bank, tmp_path, capsys, option):
    arguments = ["review", "--bank", str(bank), option, str(tmp_path / "none")]
    assert main(arguments) == 2
    assert f"{option} needs" in error_of(capsys)


def test_a_taken_port_is_exit_2(bank, taken_port, capsys):
    assert main(["review", "--bank", str(bank), "--port", str(taken_port)]) == 2
    assert f"port {taken_port}" in error_of(capsys)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.168.1.7", "8.8.8.8"])
def test_an_address_that_others_reach_without_a_login_is_exit_2(
    bank, address, capsys, monkeypatch, tmp_path
):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["review", "--bank", str(bank), "--address", address]) == 2
    said = error_of(capsys)
    assert address in said
    assert "--secrets" in said


def test_a_login_reaches_streamlit_as_its_file_and_its_names(tmp_path):
    way_in = Entrance("0.0.0.0", ("0.0.0.0", "reading.example"), tmp_path / "s.toml")
    command = streamlit_command(Path("app.py"), 8501, way_in)
    assert f"--secrets.files={tmp_path / 's.toml'}" in command
    assert "--server.address=0.0.0.0" in command
    assert "--server.allowedHosts=reading.example" in command


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_that_is_none(port):
    with pytest.raises(UsageError, match="from 1 to 65535"):
        require_free_port(port)


def test_help_names_the_options(capsys):
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    with pytest.raises(SystemExit):
        parser.parse_args(["review", "--help"])
    said = capsys.readouterr().out
    options = ("--bank", "--studies", "--batches", "--runs", "--curate", "--port", "--address")
    for option in (*options, "--secrets", "127.0.0.1"):
        assert option in said


def test_the_app_of_this_repository_is_found():
    assert app_script() == ROOT / "app" / "server.py"


def test_the_private_copy_of_a_wheel_comes_first(tmp_path, monkeypatch):
    package = tmp_path / "site-packages" / "medsiam"
    copy = package / "_app" / "server.py"
    copy.parent.mkdir(parents=True)
    copy.touch()
    monkeypatch.setattr("medsiam.cli.review.__file__", str(package / "cli" / "review.py"))
    assert app_script() == copy


def test_every_flag_is_an_option_that_streamlit_has():
    from streamlit import config

    command = streamlit_command(Path("app.py"), 8501, entrance("127.0.0.1", None))
    flags = dict(part[2:].split("=", 1) for part in command[5:])
    options = config.get_config_options()
    assert set(flags) <= set(options)
    assert flags["server.address"] == "127.0.0.1"
    assert "secrets.files" not in flags
    assert flags["browser.gatherUsageStats"] == "false"
    assert flags["server.fileWatcherType"] == "none"
    assert flags["server.enableXsrfProtection"] == "true"
    assert flags["server.enableAgentApi"] == "false"
    assert flags["client.showErrorDetails"] == "none"
    assert 1 <= int(flags["server.maxUploadSize"]) <= 1024


def test_the_app_learns_its_bank_and_no_foreign_setting(monkeypatch, tmp_path):
    monkeypatch.setenv("STREAMLIT_SERVER_ADDRESS", "0.0.0.0")
    monkeypatch.setenv("MEDSIAM_REVIEW_STUDIES", "/left/over")
    monkeypatch.setenv("MEDSIAM_REVIEW_LOGIN", "1")
    monkeypatch.setenv("MEDSIAM_REVIEW_CURATE", "1")
    monkeypatch.chdir(tmp_path)
    environment = app_environment(str(tmp_path / "bank"), {"studies": None})
    assert environment["MEDSIAM_REVIEW_BANK"] == str(tmp_path / "bank")
    assert "MEDSIAM_REVIEW_STUDIES" not in environment
    assert "MEDSIAM_REVIEW_LOGIN" not in environment
    assert "MEDSIAM_REVIEW_CURATE" not in environment
    assert app_environment(Path("b"), {}, login=True)["MEDSIAM_REVIEW_LOGIN"] == "1"
    assert not [name for name in environment if name.startswith("STREAMLIT_")]


def test_the_app_learns_what_it_may_show_and_do(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    folders = {"studies": Path("s"), "batches": Path("b"), "runs": Path("r")}
    environment = app_environment(Path("bank"), folders, curate=True)
    for name, folder in folders.items():
        assert environment[f"MEDSIAM_REVIEW_{name.upper()}"] == str(tmp_path / folder)
    assert environment["MEDSIAM_REVIEW_CURATE"] == "1"


def test_the_launcher_loads_neither_torch_nor_streamlit(bank):
    code = (
        "import sys; from pathlib import Path; from medsiam import ReferenceBank\n"
        "import medsiam.cli.review\n"
        f"ReferenceBank.open({os.fspath(bank)!r}).name\n"
        "assert not {'torch', 'monai', 'streamlit'} & set(sys.modules), sys.modules.keys()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
