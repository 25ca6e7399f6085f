from __future__ import annotations

import pytest

from medsiam import ReferenceBank
from tests.app.conftest import dicom_series, drawing, encoder, text_of, zipped


def zip_of(*folders) -> bytes:
    files = [path for folder in folders for path in sorted(folder.iterdir())]
    return zipped({f"{path.parent.name}/{path.name}": path.read_bytes() for path in files})


def buttons(app) -> list[str]:
    return [button.label for button in app.button]


def press(app, label: str):
    next(button for button in app.button if button.label == label).click()
    return app.run()


def test_an_empty_bank_says_what_to_do(start, tmp_path):
    app = start(ReferenceBank.create(tmp_path / "empty", encoder(2)))
    assert not app.exception
    assert "medsiam bank add" in text_of(app)


def test_a_study_without_fault_goes_straight_to_its_comparison(start, bank_3d, tmp_path):
    dicom_series(tmp_path / "s", "slanted", 5)
    app = start(bank_3d)
    assert "No study is open" in text_of(app)
    app.file_uploader[0].upload("s.zip", zip_of(tmp_path / "s")).run()
    assert not app.exception
    assert 'class="verdict' in text_of(app)
    assert len(app.query_params["study"]) == 32


def test_of_two_studies_the_reader_chooses_and_decides(start, bank_3d, tmp_path):
    dicom_series(tmp_path / "a", "along", 1)
    dicom_series(tmp_path / "b", "across", 2)
    app = start(bank_3d)
    app.file_uploader[0].upload("s.zip", zip_of(tmp_path / "a", tmp_path / "b")).run()
    assert "There are 2 studies of one patient" in text_of(app)
    assert buttons(app).count("Open this series") == 2
    app = press(app, "Open this series")
    assert {"Continue", "Choose another series", "Stop"} <= set(buttons(app))
    app = press(app, "Choose another series")
    assert buttons(app).count("Open this series") == 2
    app = press(press(app, "Open this series"), "Continue")
    assert 'class="verdict' in text_of(app)
    assert "PLANTED" not in text_of(app) + str(app)


def test_stop_leads_back_to_the_ways_in(start, bank_3d, tmp_path):
    dicom_series(tmp_path / "a", "along", 1)
    dicom_series(tmp_path / "b", "across", 2)
    app = start(bank_3d)
    app.file_uploader[0].upload("s.zip", zip_of(tmp_path / "a", tmp_path / "b")).run()
    app = press(app, "Stop")
    assert app.file_uploader
    assert not app.file_uploader[0].value


def test_another_modality_is_a_sentence_and_may_go_on_to_out_of_scope(start, bank_3d, tmp_path):
    import pydicom

    for path in dicom_series(tmp_path / "s", "slanted", 5):
        data = pydicom.dcmread(path)
        data.Modality = "CT"
        data.save_as(path)
    app = start(bank_3d)
    app.file_uploader[0].upload("s.zip", zip_of(tmp_path / "s")).run()
    assert "The scan is CT; this bank holds MR only." in text_of(app)
    app = press(app, "Continue")
    assert "out-of-scope" in text_of(app)


BOMB = zipped({f"{i}.dcm": bytes(60_000_000) for i in range(3)})


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "The file is empty."), (b"hello", "no picture that can be read"),
     (b"PK\x03\x04 not really", "The ZIP archive is damaged."), (BOMB, "unpack to a huge one")],
    ids=["empty", "text", "damaged", "bomb"],
)  # fmt: skip
def test_bad_uploads_are_three_sentences_and_the_page_goes_on(start, bank_2d, content, said):
    app = start(bank_2d)
    app.file_uploader[0].upload("bad.dcm", content).run()
    assert not app.exception
    assert said in text_of(app)
    assert "What to do:" in text_of(app)
    assert buttons(app) == ["Choose another study"]  # and none to go on with
    app = press(app, "Choose another study")
    assert app.file_uploader
    assert "What to do:" not in text_of(app)


def test_a_bank_of_another_encoder_is_a_sentence(start, bank_2d, tmp_path):
    import shutil

    path = shutil.copytree(bank_2d.path, tmp_path / "copy")
    card = path / "encoder" / "card.json"
    text = card.read_text()
    begin = text.index('"fingerprint": "') + len('"fingerprint": "')
    card.write_text(text[:begin] + "f" * 64 + text[begin + 64 :])

    class Broken:
        pass

    Broken.path = path
    app = start(Broken())
    assert not app.exception
    assert app.error[0].value


def test_each_phase_has_its_own_way_in(start, bank_of_two_phases, studies):
    app = start(bank_of_two_phases, studies)
    assert len(app.selectbox) == 2
    app.selectbox[0].set_value("monday/first.png").run()
    assert "Ready: 2D" in app.success[0].value.replace("\\", "")
    assert len(app.selectbox) == 1
    app.selectbox[0].set_value("monday/first.png").run()
    assert not app.exception
    assert 'class="verdict' in text_of(app)
    assert drawing("across", 77).shape == (32, 32)
