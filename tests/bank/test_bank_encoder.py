from __future__ import annotations

import numpy as np
import pytest

from medsiam.bank import ReferenceBank
from medsiam.bank.bank_encoder import BankEncoder
from medsiam.bank.folder import BankFolder
from medsiam.encoders import export_openvino
from medsiam.errors import EncoderError, EncoderMismatchError, UsageError
from medsiam.scans.scan import Scan
from tests.encoders.exporting import whitened


@pytest.fixture(scope="module")
def encoder():
    return whitened(2)


@pytest.fixture(scope="module")
def exported(encoder):
    return export_openvino(encoder)


@pytest.fixture
def bank(encoder, tmp_path) -> ReferenceBank:
    return ReferenceBank.create(tmp_path / "bank", encoder)


def scan(seed: int) -> Scan:
    values = np.random.default_rng(seed).random((40, 32)).astype(np.float32)
    return Scan(values, spatial_dims=2)


def test_what_one_runtime_filled_another_asks(bank, exported):
    for n in range(4):
        bank.add(scan(n), case_id=f"c{n}", condition="a", patient_id=f"p{n}")
    bank.keep_exported(exported)
    fast = ReferenceBank.open(bank.path)
    assert (bank.runtime, fast.runtime) == ("torch", "openvino")
    assert fast.encoder.runtime == "openvino"
    found = fast.encoder.embed([scan(n) for n in range(4)])
    np.testing.assert_allclose(found, bank.embeddings, rtol=0, atol=2e-4)


def test_the_runtime_is_known_before_the_encoder_is_loaded(bank, exported, monkeypatch):
    bank.keep_exported(exported)
    monkeypatch.setattr(BankFolder, "load_encoder", lambda *_: pytest.fail("it was loaded"))
    assert ReferenceBank.open(bank.path).runtime == "openvino"
    assert ReferenceBank.open(bank.path, runtime="torch").runtime == "torch"


def test_a_bank_made_with_an_exported_encoder_has_its_graph(encoder, exported, tmp_path):
    ReferenceBank.create(tmp_path / "bank", encoder.on("openvino", exported))
    assert ReferenceBank.open(tmp_path / "bank").runtime == "openvino"


def test_a_runtime_that_cannot_be_had(bank):
    asked = ReferenceBank.open(bank.path, runtime="openvino")
    for ask in (lambda: asked.runtime, lambda: asked.encoder):
        with pytest.raises(EncoderError, match=rf"medsiam export {bank.path} --format openvino"):
            ask()


def test_a_graph_of_another_encoder(bank):
    other = export_openvino(whitened(2, views="one"))
    with pytest.raises(EncoderMismatchError, match="made from another encoder"):
        bank.keep_exported(other)


def test_cases_are_added_in_full_precision(bank, exported, monkeypatch):
    bank.keep_exported(exported)
    coarse = ReferenceBank.open(bank.path, runtime="openvino-bf16")
    monkeypatch.setattr(BankEncoder, "runtime", property(lambda self: "openvino-bf16"))
    with pytest.raises(UsageError, match="cases are added in full precision"):
        coarse.add(scan(0), case_id="c", condition="a")
