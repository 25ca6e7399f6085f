from __future__ import annotations

from encoder_pages.card import card_facts, data_rows, draw_metrics, metric_rows
from medsiam.encoders import SHIPPED, MeasuredMetric, TrainingData, Verification, read_card
from tests.app.conftest import text_of

FIGURES = (
    MeasuredMetric(
        name="accuracy", value=0.5, low=0.4, high=0.6, n=20, chance=0.25, measured_on="set B"
    ),
    MeasuredMetric(name="seconds", value=12.0, n=3, measured_on="set C"),
)


def script():
    from encoder_pages.card import show_card
    from shell.open_bank import the_bank

    show_card(the_bank().encoder_card)


def card_of(bank):
    return bank.encoder_card.model_copy(
        update={
            "training_data": (
                TrainingData(name="set A", licence="CC0", n_scans=9, n_patients=3),
                TrainingData(name="set D", licence="MIT", n_scans=5),
            ),
            "conditions_seen": ("a", "b"),
            "metrics": FIGURES,
            "notes": "a remark",
        }
    )


def test_the_card_is_told_in_words(bank_2d):
    facts = card_facts(card_of(bank_2d))
    assert facts["conditions seen in training"] == "a, b"
    assert facts["what it takes"] == "2D scans, brought to 32 x 32 pixels"
    assert facts["notes"] == "a remark"
    assert facts["fingerprint"] == bank_2d.encoder_card.fingerprint
    assert "Research use only" in facts["intended use"]
    assert facts["same or different (1:1)"].startswith("no threshold: ")


def test_a_threshold_is_told_with_what_it_was_fitted_on(bank_2d):
    fitted = Verification(
        threshold=0.25, n_pairs=80, n_subjects=12, measured_on="set V", reason=None
    )
    card = bank_2d.encoder_card.model_copy(update={"verification": fitted})
    said = card_facts(card)["same or different (1:1)"]
    assert said == ("same up to a cosine distance of 0.250, from 80 pairs of 12 subjects; set V")


def test_figures_keep_their_intervals_and_chance(bank_2d):
    first, second = metric_rows(FIGURES)
    assert (first["value"], first["95 % interval"], first["chance"]) == (
        "0.500",
        "0.400 to 0.600",
        "0.250",
    )
    assert (second["95 % interval"], second["chance"], second["majority"]) == ("-", "-", "-")


def test_the_plot_has_what_lies_between_0_and_1():
    drawn = draw_metrics(FIGURES).to_dict()
    (rows,) = drawn["datasets"].values()
    assert [(row["value"], row["low"], row["high"], row["chance"]) for row in rows] == [
        (0.5, 0.4, 0.6, 0.25)
    ]


def test_training_data_come_with_their_licences(bank_2d):
    assert data_rows(card_of(bank_2d)) == [
        {"data": "set A", "licence": "CC0", "scans": 9, "patients": "3", "from": "-"},
        {"data": "set D", "licence": "MIT", "scans": 5, "patients": "unknown", "from": "-"},
    ]


def test_a_bare_card_says_what_is_missing(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    said = text_of(app)
    assert "##### tiny 2D, 2D" in said
    assert "Nothing was measured yet" in said
    assert "No training data are named" in said


def test_every_shipped_card_can_be_told():
    for name in SHIPPED:
        card = read_card(name)
        assert card_facts(card)["name"] == name
        assert len(metric_rows(card.metrics)) == len(card.metrics)
        draw_metrics(card.metrics).to_dict()
