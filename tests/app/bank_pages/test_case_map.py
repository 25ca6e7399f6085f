from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bank_pages.case_map import draw, inside, map_points, query_point
from medsiam import ReferenceBank
from medsiam.comparison import compare
from medsiam.evaluation import map_embeddings
from tests.app.conftest import encoder, scan_2d, text_of


def script():
    from bank_pages.case_map import map_tab
    from shell.open_bank import the_bank

    map_tab(the_bank(), None)


def with_query():
    from bank_pages.case_map import map_tab
    from medsiam.comparison import compare
    from shell.open_bank import the_bank
    from tests.app.conftest import scan_2d

    map_tab(the_bank(), compare(scan_2d("slanted", 400), the_bank()))


def spec(app):
    return json.loads(app.get("vega_lite_chart")[0].proto.spec)


@pytest.fixture
def points(bank_2d):
    placed = map_embeddings(bank_2d.embeddings, metric="cosine", random_state=0)
    return map_points(bank_2d.cases, placed)


def test_every_case_is_a_point_of_its_condition(bank_2d, points):
    assert list(points["case"]) == [case.case_id for case in bank_2d.cases]
    assert list(points["condition"]) == [case.condition for case in bank_2d.cases]
    placed = map_embeddings(bank_2d.embeddings, metric="cosine", random_state=0)
    np.testing.assert_array_equal(points[["x", "y"]], placed.points)


def test_of_too_many_conditions_the_rarest_share_a_look():
    names = [f"n{i:02d}" for i in range(50) for _ in range(1 + (i < 42))]
    cases = [SimpleNamespace(case_id=str(i), condition=name) for i, name in enumerate(names)]
    placed = SimpleNamespace(rows=np.arange(len(cases)), points=np.zeros((len(cases), 2)))
    points = map_points(cases, placed)
    assert set(points["look"]) == {*[f"n{i:02d}" for i in range(42)], "all others"}
    assert set(points["condition"]) == set(names)
    domain = draw(points, None).to_dict()["encoding"]["color"]["scale"]["domain"]
    assert domain[-1] == "all others"


def test_the_box_picks_the_cases_within(points):
    box = {"picked": {"x": [0.5, -0.5], "y": [-1.0, 1.0]}}
    few = pd.DataFrame({"case": ["in", "out", "edge"], "x": [0.0, 0.9, 0.5], "y": [0.0, 0.0, -1.0]})
    assert inside(few, box) == ["in", "edge"]
    assert inside(points, {}) == list(points["case"])
    assert inside(points, {"picked": {}}) == list(points["case"])


def test_the_query_lies_among_its_matches(bank_2d, points):
    answer = compare(scan_2d("slanted", 400), bank_2d, k=1)
    at = query_point(answer, bank_2d.snapshot(), points)
    nearest = points.set_index("case").loc[answer.matches[0].case_id]
    assert at == pytest.approx((nearest["x"], nearest["y"]))
    assert query_point(None, bank_2d.snapshot(), points) is None
    older = SimpleNamespace(bank_version=1, matches=answer.matches)
    assert query_point(older, bank_2d.snapshot(), points) is None


def test_the_page_shows_map_and_list(start, bank_2d):
    app = start(bank_2d, script=script)
    assert not app.exception
    assert "Approximate" in app.caption[0].value
    assert spec(app)["encoding"]["color"]["scale"]["domain"] == ["across", "along", "slanted"]
    assert list(app.dataframe[0].value["case"]) == [case.case_id for case in bank_2d.cases]
    app.multiselect(key="map conditions").select("across").run()
    assert set(app.dataframe[0].value["condition"]) == {"across"}


def test_the_query_is_drawn_where_there_is_one(start, bank_2d):
    app = start(bank_2d, script=with_query)
    assert not app.exception
    assert "the cross is the query" in text_of(app)
    layers = spec(app)["layer"]
    assert [layer["mark"]["type"] for layer in layers] == ["point", "point", "text"]


def test_pictures_of_the_chosen_cases(start, bank_2d):
    app = start(bank_2d, script=script)
    app.session_state["map view"] = "Pictures"
    app.run()
    assert not app.exception
    assert len([one for one in app.get("html") if "<figure" in one.value]) == 12


def test_one_case_makes_no_map(start, tmp_path):
    bank = ReferenceBank.create(tmp_path / "b", encoder(2))
    bank.add(scan_2d("along", 1), case_id="x", condition="a")
    app = start(bank, script=script)
    assert not app.exception
    assert "at least two cases" in app.info[0].value
