from __future__ import annotations

import dataclasses
import gzip
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from medsiam.bank import NewCase, ReferenceBank
from medsiam.bank.who import operating_user
from medsiam.encoders import save_encoder
from medsiam.errors import BankError, EncoderMismatchError, MedsiamError, UsageError
from tests.bank.conftest import tiny_encoder
from tests.bank.samples import make_image, make_volume


def test_a_new_bank_is_empty_and_whole(tmp_path, encoder):
    bank = ReferenceBank.create(tmp_path / "lungs", encoder)
    assert (bank.name, bank.version, bank.cases) == ("lungs", 0, ())
    assert bank.embeddings.shape == (0, encoder.embedding_dim)
    assert (bank.conditions, bank.phases, bank.modalities) == ((), ("",), frozenset())
    assert sorted(p.name for p in bank.path.iterdir()) == ["bank.sqlite", "encoder", "scans"]
    assert [p.name for p in tmp_path.iterdir()] == ["lungs"]
    assert ReferenceBank.create(tmp_path / "b", encoder, name="Lungs, 2026").name == "Lungs, 2026"


def test_what_was_added_is_there_after_opening_again(bank, encoder):
    scans = [make_image(n) for n in range(3)]
    for number, scan in enumerate(scans):
        added = bank.add(
            scan,
            case_id=f"c{number}",
            condition="LAM" if number else "PAP",
            patient_id=f"p{number}",
            proof="histology",
            licence="CC BY 4.0",
            source="here",
            notes="first",
        )
        assert added == bank.cases[-1]
    again = ReferenceBank.open(bank.path)
    assert again.version == 3
    assert again.cases == bank.cases
    assert [case.case_id for case in again.cases] == ["c0", "c1", "c2"]
    assert again.conditions == ("LAM", "PAP")
    np.testing.assert_allclose(again.embeddings, encoder.embed(scans), atol=1e-5)
    case = again.cases[1]
    assert (case.proof, case.licence, case.source, case.notes) == (
        "histology",
        "CC BY 4.0",
        "here",
        "first",
    )
    assert case.patient == again.hash_patient(" p1 ")


def test_the_loaded_encoder_gives_the_same_vectors_as_the_one_that_made_the_bank(bank):
    bank.add(make_image(1), case_id="c1", condition="LAM")
    opened = ReferenceBank.open(bank.path)
    opened.add(make_image(2), case_id="c2", condition="LAM")
    together = bank.encoder.embed([make_image(1), make_image(2)])
    np.testing.assert_allclose(bank.embeddings, together, atol=1e-5)


def test_scans_in_phase_order_are_joined_in_one_row(tmp_path, encoder_3d):
    bank = ReferenceBank.create(tmp_path / "hearts", encoder_3d)
    affine = np.diag([1.5, 1.5, 10, 1])
    ed, es = (make_volume(n, affine=affine, modality="MR") for n in (1, 2))
    bank.add([ed, es], case_id="h1", condition="DCM", phases=["ED", "ES"], patient_id="1")
    expected = np.concatenate([encoder_3d.embed([ed])[0], encoder_3d.embed([es])[0]])
    np.testing.assert_allclose(bank.embeddings, expected[None], atol=1e-5)
    assert bank.phases == ("ED", "ES")
    assert bank.modalities == {"MR"}
    back = bank.scans("h1")
    for scan, kept in zip((ed, es), back, strict=True):
        np.testing.assert_array_equal(kept.array, scan.array)
        np.testing.assert_array_equal(kept.affine, scan.affine)
    with pytest.raises(
        BankError, match="one scan without a phase, the other cases have phases ED, ES"
    ):
        bank.add(make_volume(3), case_id="h2", condition="DCM")


def test_one_addition_and_many_are_the_same(tmp_path, encoder):
    one = ReferenceBank.create(tmp_path / "one", encoder)
    many = ReferenceBank.create(tmp_path / "many", encoder)
    from medsiam.bank import NewCase

    news = [NewCase((make_image(n),), f"c{n}", "LAM", patient_id="p") for n in range(4)]
    for new in news:
        one.add(new.scans[0], case_id=new.case_id, condition="LAM", patient_id="p")
    many.add_many(iter(news), why="all at once")
    np.testing.assert_allclose(one.embeddings, many.embeddings, atol=1e-5)
    assert [c.content_hashes for c in one.cases] == [c.content_hashes for c in many.cases]
    assert (one.version, many.version) == (4, 1)
    assert many.versions[-1].why == "all at once"
    # The same patient is another hash in each bank.
    assert len({c.patient for c in one.cases}) == 1
    assert one.cases[0].patient != many.cases[0].patient


@pytest.mark.parametrize(
    ("scan", "facts", "said"),
    [
        (make_image(2), {"case_id": "c1"}, "case c1 is in the bank already"),
        (make_image(1), {}, "the same scan is in the bank already, as case c1"),
        (make_image(2), {"proof": "guess"}, "unknown proof"),
        (make_image(2), {"condition": ""}, "condition of case c2 is empty"),
        (make_volume(2), {}, "its scan is 3D"),
        (make_image(2), {"phases": ("ED",)}, "phase ED"),
    ],
)
def test_refusals_change_nothing(scan, facts, said, bank):
    bank.add(make_image(1), case_id="c1", condition="LAM")
    before = sorted(p.name for p in (bank.path / "scans").iterdir())
    asked = {"case_id": "c2", "condition": "LAM", "scans": (scan,)} | facts
    with pytest.raises(BankError, match=said):
        bank.check(NewCase(**asked))
    with pytest.raises(BankError, match=said):
        bank.add(scan, **({"case_id": "c2", "condition": "LAM"} | facts))
    assert bank.version == 1
    assert sorted(p.name for p in (bank.path / "scans").iterdir()) == before


def test_what_would_be_kept_is_told_and_nothing_is_written(bank):
    new = NewCase((make_image(1),), "c1", "LAM", patient_id="p1", licence="CC0")
    case = bank.check(new)
    assert (bank.version, list((bank.path / "scans").iterdir())) == (0, [])
    (added,) = bank.add_many([new])
    assert dataclasses.replace(added, added=case.added) == case


def test_the_stays_of_a_case_name_the_versions_that_changed_it(bank):
    bank.add(make_image(0), case_id="other", condition="LAM")
    bank.add_many([NewCase((make_image(1),), "c1", "LAM")], who="ada", why="first")
    bank.remove_many(["c1"], who="bob", why="wrong label")
    bank.add(make_image(1), case_id="c1", condition="PAP")
    first, second = bank.stays("c1")
    assert (first.added.number, first.added.who, first.added.why) == (2, "ada", "first")
    assert (first.removed.number, first.removed.who) == (3, "bob")
    assert (second.added.number, second.removed) == (4, None)
    assert bank.stays("nobody") == ()


def test_removed_cases_leave_the_view_and_stay_in_older_versions(bank):
    for number in range(3):
        bank.add(make_image(number), case_id=f"c{number}", condition="LAM")
    assert bank.remove("c1") == 4
    assert [case.case_id for case in bank.cases] == ["c0", "c2"]
    assert len(bank.embeddings) == 2
    old = bank.snapshot(3)
    assert [case.case_id for case in old.cases] == ["c0", "c1", "c2"]
    np.testing.assert_allclose(old.embeddings[1:2], bank.encoder.embed([make_image(1)]), atol=1e-5)
    with pytest.raises(BankError, match="no case c1"):
        bank.remove_many(["c0", "c1"])
    with pytest.raises(BankError, match="no case c1"):
        bank.scans("c1")
    assert bank.version == 4
    bank.add(make_image(1), case_id="c1", condition="PAP")
    assert [case.case_id for case in bank.cases] == ["c0", "c2", "c1"]


def test_an_open_bank_sees_what_another_changed(bank):
    reader = ReferenceBank.open(bank.path)
    bank.add(make_image(1), case_id="c1", condition="LAM")
    assert [case.case_id for case in reader.cases] == ["c1"]
    assert len(reader.embeddings) == 1
    held = reader.snapshot()
    bank.remove("c1")
    assert (held.version, len(held.cases), len(held.embeddings)) == (1, 1, 1)
    assert (reader.version, reader.cases) == (2, ())


def test_another_encoder_in_the_folder_is_refused_by_both_names(bank, other_encoder):
    shutil.rmtree(bank.path / "encoder")
    save_encoder(other_encoder, bank.path / "encoder")
    mine, theirs = bank.encoder_card.fingerprint[:12], other_encoder.fingerprint[:12]
    with pytest.raises(EncoderMismatchError, match=rf"tiny \({mine}\).*other \({theirs}\)"):
        ReferenceBank.open(bank.path)


def test_weights_of_another_encoder_under_the_right_card_are_refused(bank, tmp_path):
    save_encoder(tiny_encoder(random_state=5), tmp_path / "other")
    opened = ReferenceBank.open(bank.path)  # by a program that has not loaded the encoder yet
    shutil.copy(tmp_path / "other" / "weights.safetensors", bank.path / "encoder")
    with pytest.raises(BankError, match=r"its encoder .* is damaged or was exchanged"):
        ReferenceBank.open(bank.path)
    with pytest.raises(MedsiamError) as refused:
        opened.add(make_image(1), case_id="c1", condition="LAM")
    assert refused.value.exit_code == 6
    assert bank.version == 0


def test_every_flipped_byte_of_the_encoder_is_found_on_opening(bank):
    for name in ("card.json", "weights.safetensors"):
        path = bank.path / "encoder" / name
        whole = path.read_bytes()
        for at in range(0, len(whole), len(whole) // 20):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
            with pytest.raises(MedsiamError) as refused:
                ReferenceBank.open(bank.path)
            assert refused.value.exit_code == 6
        path.write_bytes(whole)
    assert ReferenceBank.open(bank.path).version == 0


@pytest.mark.parametrize(
    "name", ["bank.sqlite", "encoder/card.json", "encoder/weights.safetensors"]
)
def test_what_is_missing_is_named(name, bank):
    (bank.path / name).unlink()
    with pytest.raises(BankError, match=rf"{name.split('/')[-1]} is missing"):
        ReferenceBank.open(bank.path)


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x"}', "\x00\x01"])
def test_a_broken_card_is_a_clear_error(content, bank):
    (bank.path / "encoder" / "card.json").write_text(content)
    with pytest.raises(BankError, match=r"card\.json is no encoder's card"):
        ReferenceBank.open(bank.path)


def test_no_folder_a_file_and_a_folder_of_something_else_are_no_banks(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    for name in ("nothing", "file", "folder"):
        with pytest.raises(BankError, match="bank create"):
            ReferenceBank.open(tmp_path / name)


def test_create_overwrites_nothing(tmp_path, encoder, bank):
    with pytest.raises(BankError, match="exists already"):
        ReferenceBank.create(bank.path, encoder)
    (tmp_path / "file").write_text("x")
    with pytest.raises(BankError, match="exists already"):
        ReferenceBank.create(tmp_path / "file", encoder)
    (tmp_path / "empty").mkdir()
    assert ReferenceBank.create(tmp_path / "empty", encoder).version == 0


def test_a_creation_that_fails_leaves_nothing(tmp_path, encoder, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("medsiam.encoders.checkpoint.replace_folder", fail)
    with pytest.raises(MedsiamError) as failed:
        ReferenceBank.create(tmp_path / "bank", encoder)
    assert failed.value.exit_code == 7
    assert list(tmp_path.iterdir()) == []


def test_no_patient_in_any_byte_of_the_bank_nor_in_any_text(bank, tmp_path, capsys):
    patient = "MUSTERMANN-1912-06-23"
    scan = make_image(1, patient_id=patient)
    bank.add(scan, case_id="c1", condition="LAM", patient_id=patient)
    shown = repr(bank) + repr(bank.cases) + repr(bank.scans("c1")) + "".join(capsys.readouterr())
    for again in ("c1", "c2"):
        with pytest.raises(BankError) as refused:
            bank.add(scan, case_id=again, condition="LAM", patient_id=patient)
        shown += str(refused.value)
    assert "MUSTERMANN" not in shown
    assert bank.hash_patient(patient) == bank.cases[0].patient
    files = [path for path in bank.path.rglob("*") if path.is_file()]
    assert len(files) == 4
    for path in files:
        content = path.read_bytes()
        if path.suffix == ".gz":
            content += gzip.decompress(content)
        assert b"MUSTERMANN" not in content, path
        assert patient.encode().hex().encode() not in content, path


def test_an_empty_patient_is_not_hashed(bank):
    with pytest.raises(UsageError, match="empty"):
        bank.hash_patient(" ")


def test_its_text_form_says_what_it_is(bank):
    bank.add(make_image(1), case_id="c1", condition="LAM")
    assert repr(bank) == (
        "ReferenceBank('bank', version 1, 1 cases of 1 conditions, encoder 'tiny')"
    )


def test_facts_are_read_without_torch(bank):
    bank.add(make_image(1), case_id="c1", condition="LAM")
    code = (
        "import json, sys; from medsiam.bank import ReferenceBank\n"
        f"bank = ReferenceBank.open({str(bank.path)!r})\n"
        "facts = [bank.name, bank.version, bank.cases[0].case_id, bank.encoder_card.name,\n"
        "         bank.embeddings.shape[0], bank.hash_patient('p') != 'p', len(bank.scans('c1'))]\n"
        "bank.remove('c1')\n"
        "print(json.dumps([facts, sorted({'torch', 'monai'} & set(sys.modules))]))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [["bank", 1, "c1", "tiny", 1, True, 1], []]


def test_what_a_calibration_says_is_kept_beside_the_cases(bank):
    bank.add(make_image(1), case_id="c1", condition="LAM")
    assert (bank.calibrations, bank.calibration) == ((), None)
    first = bank.keep_calibration('{"a": 1}', bank_version=1)
    second = bank.keep_calibration('{"a": 2}', bank_version=1, who="curie")
    again = ReferenceBank.open(bank.path)
    assert again.calibrations == (first, second)
    assert again.calibration == second
    assert (first.who, second.who) == (operating_user(), "curie")


def test_a_bank_without_pixels_keeps_none_and_answers_all_the_same(tmp_path, encoder):
    bank = ReferenceBank.create(tmp_path / "bank", encoder, pixels=False)
    scans = [make_image(n) for n in range(2)]
    for number, scan in enumerate(scans):
        bank.add(scan, case_id=f"c{number}", condition="LAM")
    again = ReferenceBank.open(bank.path)
    assert not again.keeps_pixels
    assert sorted(p.name for p in bank.path.iterdir()) == ["bank.sqlite", "encoder"]
    np.testing.assert_allclose(again.embeddings, encoder.embed(scans), atol=1e-5)
    with pytest.raises(BankError, match=r"keeps no pixels .* case c1 cannot be shown"):
        again.scans("c1")
    with pytest.raises(BankError, match="the same scan is in the bank already, as case c0"):
        again.add(scans[0], case_id="c9", condition="LAM")


@pytest.mark.parametrize("damage", ["flip", "lose"])
def test_a_damaged_kept_scan_is_found_on_opening_and_the_case_named(damage, bank):
    for number in range(3):
        bank.add(make_image(number), case_id=f"c{number}", condition="LAM")
    path = bank.path / "scans" / f"{bank.cases[1].content_hashes[0]}.nii.gz"
    whole = path.read_bytes()
    path.unlink()
    if damage == "flip":
        path.write_bytes(whole[:100] + bytes([whole[100] ^ 32]) + whole[101:])
    with pytest.raises(BankError, match=r"case c1: its kept scan .* is (damaged|missing)"):
        ReferenceBank.open(bank.path)
    bank.remove("c1")  # by a program that has it open
    assert len(ReferenceBank.open(bank.path).cases) == 2


def test_every_change_says_who_and_why(tmp_path, encoder):
    bank = ReferenceBank.create(tmp_path / "bank", encoder, who="curie", why="a new one")
    bank.add(make_image(1), case_id="c1", condition="LAM", site="Paris", scanner="X 1")
    bank.remove_many(["c1"], who="meitner", why="wrong patient")
    assert bank.restore(1, who="noether") == 3
    found = [(v.who, v.why) for v in ReferenceBank.open(bank.path).versions]
    assert found == [
        ("curie", "a new one"),
        (operating_user(), None),
        ("meitner", "wrong patient"),
        ("noether", None),
    ]
    assert (bank.cases[0].site, bank.cases[0].scanner) == ("Paris", "X 1")
    assert bank.scans("c1")[0].content_hash == make_image(1).content_hash
    between = bank.diff(0, 3)
    assert [case.case_id for case in between.added] == ["c1"]
    assert not bank.diff(1, 3).added
