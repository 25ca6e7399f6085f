"""An audit carries the research-use statement and cannot be changed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from tests.evaluation.audit.samples import examined


def test_it_is_frozen_and_says_what_it_is_for():
    audit = examined()
    assert "Not a medical device" in audit.research_use
    with pytest.raises(FrozenInstanceError):
        audit.version = 4
