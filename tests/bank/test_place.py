from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from medsiam.bank.folder import BankFolder
from medsiam.bank.place import bank_place
from medsiam.bank.postgres_place import PostgresPlace


def test_a_path_is_a_folder_and_an_address_a_server(tmp_path):
    assert isinstance(bank_place(tmp_path), BankFolder)
    assert bank_place("lungs").where == Path("lungs")
    place = bank_place("postgresql://curie:s3cret@db/radiology/lungs")
    assert isinstance(place, PostgresPlace)
    assert (place.default_name, str(place.where)) == (
        "lungs",
        "postgresql://curie@db/radiology/lungs",
    )
    assert place.reopened_by == "postgresql://curie:s3cret@db/radiology/lungs"


def test_a_bank_in_a_folder_needs_no_driver_and_a_missing_one_is_a_sentence(tmp_path):
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from medsiam.bank.place import bank_place\n"
        f"bank_place({str(tmp_path)!r})\n"
        "try: bank_place('postgresql://db/x')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    said = "psycopg is not installed; `pip install 'medsiam[postgres]'` brings it"
    assert run.stdout.strip() == f"MissingExtraError {said}"


@pytest.mark.parametrize("kind", ["folder", "server"])
def test_a_place_keeps_encoder_and_scans(kind, tmp_path, encoder, request):
    from dataclasses import replace

    from medsiam.bank.store import ScanFacts
    from tests.bank.samples import FACTS, make_image

    where = tmp_path / "bank" if kind == "folder" else request.getfixturevalue("server").address()
    place = bank_place(where)
    place.make(encoder, FACTS, who=None, why=None)
    assert place.read_card().fingerprint == encoder.fingerprint
    assert place.load_encoder("torch").fingerprint == encoder.fingerprint
    place.check_encoder_files(place.open_store().facts)
    scan = make_image(1)
    digest = place.keep_scan(scan)
    assert place.keep_scan(scan) == digest
    facts = replace(ScanFacts.of(scan), kept_digest=digest)
    place.check_scans([("c1", facts)])
    back = place.read_scan(facts, case_id="c1")
    assert back.content_hash == scan.content_hash
    with pytest.raises(Exception, match=r"case c2: its kept scan .*missing"):
        place.check_scans([("c2", replace(facts, content_hash="0" * 64))])
