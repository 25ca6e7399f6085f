from __future__ import annotations

from collections import Counter
from dataclasses import replace

from medsiam.scans import index_folder
from medsiam.scoring import why_not, why_skipped


def test_why_not_needs_no_pixels(phantom_bank, incoming):
    reasons = Counter(
        (reason := why_not(source, phantom_bank)) and reason[0]
        for source in index_folder(incoming).sources
    )
    assert reasons == {None: 3, "other_dimension": 2}


def test_another_modality_is_skipped_in_a_folder_and_not_refused_alone(phantom_bank, incoming):
    source = next(s for s in index_folder(incoming).sources if s.spatial_dims == 3)
    assert why_skipped(source, phantom_bank) is None
    other = replace(source, modality="PT")
    assert why_not(other, phantom_bank) is None
    code, said = why_skipped(other, phantom_bank)
    assert code == "out_of_scope"
    assert "PT" in said
