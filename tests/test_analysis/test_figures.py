"""Drawings: the same bytes twice, letters as outlines, axes from zero."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from analysis import figures
from analysis.figures.style import spread

TIME = np.arange(0, 13)
CURVE = pd.DataFrame(
    {"time": TIME, "estimate": TIME / 20, "conf_low": TIME / 25, "conf_high": TIME / 15, "n_risk": 60 - TIME}
)
RISK = pd.DataFrame([[60.0, 54.0, np.nan]], index=["All"], columns=[0, 6, 12])
EFFECTS = pd.DataFrame(
    {"label": ["Nợ", "Việc làm"], "estimate": [1.5, 0.8], "conf_low": [1.1, 0.5], "conf_high": [2.1, 1.3]}
)
SHARES = pd.DataFrame({"employed": [0.4, 0.6], "looking": [0.6, np.nan], "few": [np.nan, 0.4]}, index=[0, 1])


def drawings() -> dict[str, bytes]:
    labels = {"employed": "Employed", "looking": "Looking", "few": "Fewer than 10"}
    styles = {name: figures.STATES[name] for name in labels}
    points = pd.DataFrame({"response": [0.9, 0.8], "known": [np.nan, 0.95]}, index=[0, 1])
    return {
        "flow": figures.flow(
            [figures.Step("Baseline", ("120",), ("Not: 8",)), figures.Step("1", ("112",))], key="F1"
        ),
        "stacked": figures.stacked(SHARES, labels, key="F3", language="en", xlabel="Months"),
        "curves": figures.curves(
            [("All", CURVE)], RISK, key="F4", language="vi", xlabel="Tháng", ylabel="Tỷ lệ", risk_label="n"
        ),
        "forest": figures.forest(
            EFFECTS, key="F10", language="vi", xlabel="Tỷ số", reference=1.0, log=True, digits=2
        ),
        "rates": figures.rates(
            points,
            {"response": "R", "known": "K"},
            key="F11",
            language="en",
            xlabel="",
            ticks={0: "0", 1: "1"},
        ),
        "bars": figures.bars(
            SHARES.set_axis(["a", "b"]), labels, key="F6", language="en", bases=["n", "n"], styles=styles
        ),
    }


@pytest.fixture(scope="module")
def drawn() -> dict[str, bytes]:
    return drawings()


def test_the_same_numbers_give_the_same_bytes(drawn: dict[str, bytes]) -> None:
    assert drawn == drawings()


def test_a_drawing_carries_no_date_and_no_program(drawn: dict[str, bytes]) -> None:
    for svg in drawn.values():
        assert b"dc:date" not in svg
        assert b"Matplotlib" not in svg


def test_letters_are_outlines_and_nothing_is_fetched(drawn: dict[str, bytes]) -> None:
    for svg in drawn.values():
        root = ElementTree.parse(io.BytesIO(svg)).getroot()
        assert not root.findall(".//{http://www.w3.org/2000/svg}text")
        assert not re.findall(rb'href="http', svg)


def test_arguments_are_left_as_they_were() -> None:
    before = SHARES.copy()
    drawings()
    pd.testing.assert_frame_equal(SHARES, before)


def test_labels_at_the_edge_are_moved_apart_and_stay_inside() -> None:
    placed = spread([0.95, 0.94, 0.5, 0.96], 0.08, 0.03, 0.97)
    assert min(np.diff(sorted(placed))) == pytest.approx(0.08)
    assert max(placed) <= 0.97
    assert placed[2] == 0.5


def test_states_differ_in_lightness_or_hatching() -> None:
    """What a black-and-white printer leaves of two states: lightness, or else hatching."""

    def lightness(colour: str) -> float:
        red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
        return (0.299 * red + 0.587 * green + 0.114 * blue) / 255

    seen = [(lightness(colour), hatch) for colour, hatch in figures.STATES.values()]
    for place, (one, hatch) in enumerate(seen):
        for other, other_hatch in seen[place + 1 :]:
            assert hatch != other_hatch or abs(one - other) > 0.05
