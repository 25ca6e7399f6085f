from __future__ import annotations

from pathlib import Path

import pytest

from medsiam.cli import review_login
from medsiam.cli.review_login import entrance, is_loopback
from medsiam.errors import MissingExtraError, UsageError

AUTH = {
    "redirect_uri": "https://reading.example/oauth2callback",
    "cookie_secret": "x" * 40,
    "client_id": "medsiam",
    "client_secret": "SECRET-VALUE",
    "server_metadata_url": "https://login.example/.well-known/openid-configuration",
}


@pytest.fixture(autouse=True)
def nothing_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(review_login.importlib.util, "find_spec", lambda name: name == "authlib")


def secrets_file(path: Path, **changed: str | None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f'{key} = "{value}"' for key, value in (AUTH | changed).items() if value is not None]
    path.write_text("\n".join(["[auth]", *lines]))
    return path


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "LOCALHOST"])
def test_on_this_computer_no_login_is_needed(address):
    way_in = entrance(address, None)
    assert way_in.secrets is None
    assert {"127.0.0.1", "localhost", address.lower()} == set(way_in.names)


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "10.0.0.5", "192.168.1.7", "fe80::1"])
def test_where_others_reach_it_a_login_is_needed(address):
    assert not is_loopback(address)
    with pytest.raises(UsageError, match="needs a login"):
        entrance(address, None)


@pytest.mark.parametrize("address", ["", "reading.example", "127.0.0.1:80", "300.1.1.1", "*"])
def test_a_name_is_no_address(address):
    with pytest.raises(UsageError, match="IP address"):
        entrance(address, None)


def test_with_a_login_it_may_and_its_name_is_let_in(tmp_path):
    file = secrets_file(tmp_path / "s.toml")
    way_in = entrance("0.0.0.0", file)
    assert way_in.secrets == file
    assert "reading.example" in way_in.names


def test_a_login_on_this_computer_is_taken_where_it_is_named(tmp_path):
    assert entrance("127.0.0.1", secrets_file(tmp_path / "s.toml")).secrets is not None


def test_the_place_where_streamlit_looks_is_looked_at(tmp_path):
    file = secrets_file(tmp_path / "home" / ".streamlit" / "secrets.toml")
    assert entrance("0.0.0.0", None).secrets == file
    assert entrance("127.0.0.1", None).secrets is None  # nobody asked for a login here


@pytest.mark.parametrize("name", sorted(AUTH))
def test_a_login_that_is_not_whole_names_what_it_lacks(tmp_path, name):
    with pytest.raises(UsageError, match=name) as refused:
        entrance("0.0.0.0", secrets_file(tmp_path / "s.toml", **{name: None}))
    assert "SECRET-VALUE" not in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cookie_secret": "short"}, "could be guessed"),
        ({"redirect_uri": "http://reading.example/oauth2callback"}, "https"),
        ({"redirect_uri": "https://reading.example/"}, "oauth2callback"),
        ({"redirect_uri": "reading"}, "oauth2callback"),
        ({"client_id": "  "}, "client_id"),
    ],
)
def test_a_login_that_would_not_protect_is_refused(tmp_path, changed, said):
    with pytest.raises(UsageError, match=said):
        entrance("0.0.0.0", secrets_file(tmp_path / "s.toml", **changed))


def test_no_file_no_toml_and_no_section_are_sentences(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        entrance("0.0.0.0", tmp_path / "none.toml")
    (tmp_path / "a.toml").write_text("SECRET-VALUE")
    with pytest.raises(UsageError, match="no TOML") as refused:
        entrance("0.0.0.0", tmp_path / "a.toml")
    assert "SECRET-VALUE" not in str(refused.value)
    (tmp_path / "b.toml").write_text("[other]")
    with pytest.raises(UsageError, match=r"no \[auth\] section"):
        entrance("0.0.0.0", tmp_path / "b.toml")


def test_a_login_without_its_package_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(review_login.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"medsiam\[login\]"):
        entrance("0.0.0.0", secrets_file(tmp_path / "s.toml"))
