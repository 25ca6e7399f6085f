from __future__ import annotations

import numpy as np
import pytest

from medsiam.bank.filling import embed_cases
from medsiam.bank.kept_scans import write_scan
from medsiam.bank.new_case import NewCase
from medsiam.bank.patients import hash_patient
from medsiam.errors import BankError, EncoderError, OutputError, ScanError
from medsiam.scans import Scan
from medsiam.scans.faults import warning
from tests.bank.samples import DIM, FACTS, add, make_image, make_store, make_volume


class PlainEncoder:
    """Mean, deviation, minimum and maximum; stumbles over a scan that is marked for it."""

    def __init__(self, stumble: type[Exception] | None = None) -> None:
        self.batches: list[int] = []
        self.stumble = stumble

    def embed(self, scans):
        scans = list(scans)
        self.batches.append(len(scans))
        for scan in scans:
            if scan.body_part == "STUMBLE":
                raise ScanError("too_small", "the scan is too small")
            if scan.body_part == "BREAK":
                raise EncoderError("the weights are no use")
        rows = [[s.array.mean(), s.array.std(), s.array.min(), s.array.max()] for s in scans]
        return np.array(rows, np.float32).reshape(-1, DIM)


@pytest.fixture
def fill(tmp_path):
    """Embed cases for an empty store; returns records, refusals and the folder of scans."""
    store = make_store(tmp_path)
    folder = tmp_path / "scans"
    folder.mkdir()

    def run(new_cases, *, encoder=None, listen=True):
        refused: dict[str, Exception] = {}
        records = embed_cases(
            new_cases,
            store=store,
            encoder=encoder or PlainEncoder(),
            keep=lambda scan: write_scan(scan, folder),
            on_refused=refused.__setitem__ if listen else None,
        )
        return records, refused, sorted(path.name for path in folder.iterdir())

    run.store = store
    return run


def new_case(number: int, *scans, phases=("",), **facts) -> NewCase:
    return NewCase(
        scans=scans or (make_image(number),),
        case_id=f"c{number}",
        condition="LAM",
        phases=phases,
        **facts,
    )


def marked(number: int, mark: str):
    scan = make_image(number)
    return type(scan)(array=scan.array, spatial_dims=2, body_part=mark)


def test_each_case_gets_the_vectors_of_its_own_scans(fill):
    cases = [
        new_case(n, make_image(2 * n), make_image(2 * n + 1), phases=("ED", "ES"))
        for n in range(20)
    ]
    records, refused, kept = fill(cases)
    assert not refused
    assert len(kept) == 40
    for new, record in zip(cases, records, strict=True):
        assert record.case.case_id == new.case_id
        assert record.case.phases == ("ED", "ES")
        expected = np.concatenate([PlainEncoder().embed([scan]) for scan in new.scans])
        np.testing.assert_array_equal(record.vectors, expected)
        assert record.case.content_hashes == tuple(scan.content_hash for scan in new.scans)


def test_cases_are_read_and_encoded_a_batch_at_a_time(fill):
    encoder = PlainEncoder()
    waiting: list[int] = []

    def reading():
        for number in range(40):
            waiting.append(number)
            assert number - 16 * len(encoder.batches) < 16, "read ahead of the encoder"
            yield new_case(number)

    records, _, _ = fill(reading(), encoder=encoder)
    assert len(records) == len(waiting) == 40
    assert encoder.batches == [16, 16, 8]


def test_one_scan_that_cannot_be_prepared_spoils_no_other(fill):
    cases = [new_case(n) for n in range(6)]
    cases.insert(3, new_case(99, marked(99, "STUMBLE")))
    records, refused, kept = fill(cases)
    assert [record.case.case_id for record in records] == [f"c{n}" for n in range(6)]
    assert refused["c99"].code == "too_small"
    assert len(kept) == 6
    for new, record in zip([c for c in cases if c.case_id != "c99"], records, strict=True):
        np.testing.assert_array_equal(record.vectors, PlainEncoder().embed(new.scans))


def test_without_a_listener_the_first_refusal_ends_it(fill):
    with pytest.raises(ScanError, match="too small"):
        fill([new_case(1), new_case(2, marked(2, "STUMBLE"))], listen=False)
    with pytest.raises(BankError, match="3D, bank sample bank holds 2D"):
        fill([new_case(1, make_volume(1))], listen=False)


def test_refused_cases_leave_no_scan_behind(fill):
    add(fill.store, "c1")
    records, refused, kept = fill([new_case(1), new_case(2, make_volume(2)), new_case(3)])
    assert [record.case.case_id for record in records] == ["c3"]
    assert kept == [f"{make_image(3).content_hash}.nii.gz"]
    assert "c1 is in the bank already" in str(refused["c1"])
    assert "its scan is 3D" in str(refused["c2"])


def test_twins_on_the_way_are_found(fill):
    records, refused, kept = fill([new_case(1), new_case(2, make_image(1)), new_case(3)])
    assert [record.case.case_id for record in records] == ["c1", "c3"]
    assert "as case c1" in str(refused["c2"])
    assert len(kept) == 2


def test_a_scan_whose_first_owner_failed_is_still_taken(fill):
    spoiled = new_case(1, make_image(1), marked(9, "STUMBLE"), phases=("ED", "ES"))
    records, refused, _ = fill([spoiled, new_case(2, make_image(1))])
    assert [record.case.case_id for record in records] == ["c2"]
    assert list(refused) == ["c1"]


def test_an_embedding_that_is_not_finite_is_refused(fill):
    scan = make_image(1)
    scan.array[0, 0] = np.inf
    with np.errstate(invalid="ignore"):
        records, refused, kept = fill([new_case(1, scan), new_case(2)])
    assert [record.case.case_id for record in records] == ["c2"]
    assert "not finite" in str(refused["c1"])
    assert len(kept) == 1


def test_faults_that_are_not_the_case_s_end_it_for_all(fill, tmp_path):
    with pytest.raises(EncoderError, match="no use"):
        fill([new_case(1), new_case(2, marked(2, "BREAK"))])
    (tmp_path / "scans").rmdir()
    (tmp_path / "scans").write_text("in the way")
    with pytest.raises(OutputError):
        embed_cases(
            [new_case(1)],
            store=fill.store,
            encoder=PlainEncoder(),
            keep=lambda scan: write_scan(scan, tmp_path / "scans"),
            on_refused=lambda case_id, error: None,
        )


@pytest.mark.parametrize(
    ("given", "kept"),
    [(None, None), ("", None), ("  ", None), (" p01 ", hash_patient("p01", FACTS.salt))],
)
def test_the_patient_becomes_a_hash_or_nobody(given, kept, fill):
    # The header's patient does not stand in: anonymised headers often share one invented id.
    records, _, _ = fill([new_case(1, make_image(1, patient_id="HEADER"), patient_id=given)])
    assert records[0].case.patient == kept


SAYS_SO = warning("shows_identity", "BurnedInAnnotation is YES: names may be drawn into it")
MAY = warning("burned_in_text", "ultrasound often shows names")


def warned(number: int, *said):
    return Scan(array=make_image(number).array, spatial_dims=2, warnings=said)


def test_a_picture_that_shows_somebody_waits_for_a_person_who_has_looked(fill):
    cases = [
        new_case(1, warned(1, MAY), pixels_checked_by="curie"),
        new_case(2, warned(2, MAY, SAYS_SO)),
        new_case(3, warned(3, SAYS_SO), pixels_checked_by="curie"),
        new_case(4, warned(4), warned(5, SAYS_SO), phases=("ED", "ES")),
    ]
    records, refused, _ = fill(cases)
    kept = {record.case.case_id: record.case.pixels_checked_by for record in records}
    assert kept == {"c1": None, "c3": "curie"}
    assert list(refused) == ["c2", "c4"]
    said = str(refused["c2"])
    assert said.startswith("case c2: BurnedInAnnotation is YES")
    assert "--confirm-burned-in c2" in said


def test_the_scanner_is_what_was_given_else_what_the_header_says(fill):
    def scanned(number):
        return Scan(array=make_image(number).array, spatial_dims=2, scanner="MAKER Model 7")

    records, _, _ = fill([new_case(1, scanned(1)), new_case(2, scanned(2), scanner="room 4")])
    assert [record.case.scanner for record in records] == ["MAKER Model 7", "room 4"]


def test_without_a_folder_no_scan_is_kept(fill):
    store = fill.store
    records = embed_cases(
        [new_case(1)], store=store, encoder=PlainEncoder(), keep=None, on_refused=None
    )
    assert records[0].scans[0].kept_digest is None
    assert records[0].scans[0].content_hash == make_image(1).content_hash
    kept = fill([new_case(2)])[0][0].scans[0].kept_digest
    assert kept is not None
