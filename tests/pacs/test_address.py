from __future__ import annotations

import pytest

from medsiam.errors import UsageError
from medsiam.pacs import PeerAddress, check_ae_title, check_port, parse_peer, parse_stow


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PACS@10.0.0.5:104", PeerAddress("PACS", "10.0.0.5", 104)),
        ("MAIN PACS@pacs.example:11112", PeerAddress("MAIN PACS", "pacs.example", 11112)),
        ("A@[::1]:4242", PeerAddress("A", "::1", 4242)),
    ],
)
def test_a_peer_in_its_usual_form(text, expected):
    assert parse_peer(text) == expected


@pytest.mark.parametrize(
    "text",
    ["PACS", "PACS@host", "@host:104", "PACS@host:x", "PACS@:104", "PACS@host:0", "P@h:65536"],
)
def test_another_form_is_refused(text):
    with pytest.raises(UsageError):
        parse_peer(text)


@pytest.mark.parametrize("title", ["", "   ", "SEVENTEEN LETTERS", "Übung", "A\\B", "A\nB"])
def test_what_is_no_title(title):
    with pytest.raises(UsageError, match="no AE title"):
        check_ae_title(title)
    assert check_ae_title(" MEDSIAM ") == "MEDSIAM"


def test_ports():
    assert check_port(104) == 104
    for port in (0, -1, 65536):
        with pytest.raises(UsageError, match="no TCP port"):
            check_port(port)


@pytest.mark.parametrize("url", ["pacs/dicom-web", "ftp://pacs/x", "http://", "http://h:x/", ""])
def test_what_is_no_service(url):
    with pytest.raises(UsageError, match="DICOMweb"):
        parse_stow(url)


def test_a_password_in_the_url_is_refused_and_not_repeated():
    assert parse_stow("https://pacs.example/dicom-web/") == "https://pacs.example/dicom-web"
    with pytest.raises(UsageError, match="netrc") as caught:
        parse_stow("https://me:hunter2@pacs.example/dicom-web")
    assert "hunter2" not in str(caught.value)
