from __future__ import annotations

import pytest

from tests.campaigns import bombs
from tests.campaigns.bomb_files import BOMBS

# Building these takes longer than refusing them: only the campaign does.
LONG = {
    "deflated DICOM, 4 GiB of pixels",
    "deflated DICOM, 1 GiB in front of the pixels",
    "DICOM private element of 300 MB in front of the pixels",
    "gzip NIfTI, 2 GiB behind small dims",
    "gzip of 2 GiB of nothing",
    "gzip NIfTI with a header extension of 2 GB",
    "ZIP, one entry of 1 GiB",
    "ZIP, 100 entries at a hundredfold",
    "PNG, 1 GiB in a text chunk",
    "PNG, 1 GiB in a colour profile",
}


def test_there_are_enough():
    assert len(BOMBS) >= 35
    assert set(BOMBS) >= LONG | bombs.MAY_BE_READ


@pytest.fixture(scope="module")
def figures():
    return bombs.run([name for name in BOMBS if name not in LONG])


@pytest.mark.parametrize("name", [name for name in BOMBS if name not in LONG])
def test_a_bomb_is_refused_soon_and_cheaply(name, figures):
    told = dict(figures[name])
    # Twice the time: a test may run beside others. The campaign holds the figure itself.
    if told["seconds"] < 2 * bombs.SECONDS:
        told["seconds"] = min(told["seconds"], bombs.SECONDS)
    assert not bombs.verdict(name, told), told


def test_the_verdict_sees_what_is_wrong():
    good = {"codes": ["too_large"], "seconds": 0.1, "extra_mib": 3}
    assert bombs.verdict("x", good) == ""
    assert bombs.verdict("x", good | {"codes": ["read"]}) == "not refused"
    assert bombs.verdict("x", good | {"codes": []}) == "not refused"
    assert bombs.verdict("x", good | {"codes": ["unreadable"]}) == "no word for it"
    assert bombs.verdict("x", good | {"seconds": 2.1}) == "too slow"
    assert bombs.verdict("x", good | {"extra_mib": 513}) == "too much memory"
