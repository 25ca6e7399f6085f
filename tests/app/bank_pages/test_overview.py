from __future__ import annotations

from dataclasses import replace

from bank_pages.overview import card_facts, condition_rows
from medsiam.encoders import MeasuredMetric, TrainingData


def script():
    from bank_pages.overview import bank_page

    bank_page()


def test_every_case_and_condition_is_listed(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    cases = app.dataframe[0].value
    assert list(cases["case"]) == [case.case_id for case in bank_2d.cases]
    assert "SECRET" not in cases.to_string()
    counts = app.table[0].value.set_index("condition")
    assert counts["patients"].to_dict() == {"across": 4, "along": 4, "slanted": 4}


def test_patients_are_counted_once_and_cases_without_one_each(bank_2d):
    first, second, third = bank_2d.cases[:3]
    cases = (
        first,
        replace(second, patient=first.patient, proof="none"),
        replace(third, patient=None),
        replace(third, patient=None, case_id="x"),
    )
    assert condition_rows(cases) == [
        {"condition": "along", "cases": 4, "patients": 3, "without proof": 1}
    ]


def test_the_card_is_told_in_words(bank_2d):
    card = bank_2d.encoder_card.model_copy(
        update={
            "training_data": (TrainingData(name="set A", licence="CC0", n_scans=9, n_patients=3),),
            "conditions_seen": ("a", "b"),
            "metrics": (
                MeasuredMetric(
                    name="accuracy", value=0.5, low=0.4, high=0.6, n=20, measured_on="set B"
                ),
            ),
            "notes": "a remark",
        }
    )
    facts = card_facts(card)
    assert facts["trained on"] == "set A (9 scans of 3 patients, CC0)"
    assert facts["measured"] == "accuracy 0.500 [0.400, 0.600] on set B (n=20 patients)"
    assert facts["conditions seen in training"] == "a, b"
    assert facts["what it takes"] == "2D scans, brought to 32 x 32 voxels"
    assert facts["notes"] == "a remark"
    assert facts["fingerprint"] == bank_2d.encoder_card.fingerprint
    assert card_facts(bank_2d.encoder_card)["measured"] == "nothing yet"
