"""Forests: estimates with their intervals, one line each, on a scale of ratios or of differences."""

import textwrap
from typing import Any

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from analysis.figures.style import DEEP, GREY, RULE, axes_of, log_ticks, plain, style, svg
from analysis.tables import format_number

LABEL = 34  # letters of a label on one line of a forest


def forest(
    effects: pd.DataFrame,
    *,
    key: str,
    language: str,
    xlabel: str,
    reference: float = 0.0,
    log: bool = False,
    digits: int = 1,
) -> bytes:
    """Effects with their intervals, one per line, and the numbers at the right.

    ``effects``: label, estimate, conf_low, conf_high; a row without an estimate is a heading.
    """
    with mpl.rc_context(style(key)):
        labels = [textwrap.fill(str(label), LABEL) for label in effects["label"]]
        step = 0.235 + 0.1 * max((label.count("\n") for label in labels), default=0)
        tall = 0.66 + step * len(effects)
        figure, axes = axes_of(tall, left=0.36, right=0.76, bottom=0.45 / tall, top=1 - 0.12 / tall)
        axes.set_ylim(len(effects) - 0.5, -0.5)
        if log:
            axes.set_xscale("log")
        axes.axvline(reference, color=GREY, linewidth=0.8)
        columns = effects[["label", "estimate", "conf_low", "conf_high"]]
        for position, row in enumerate(columns.itertuples(index=False)):
            if pd.isna(row.estimate):
                _write(axes, -0.88, position, row.label, weight="bold")
                continue
            _write(axes, -0.04, position, labels[position], ha="right", linespacing=1.05)
            _interval(axes, position, row.estimate, row.conf_low, row.conf_high, reference)
            shown = [format_number(value, digits, language) for value in row[1:4]]
            _write(axes, 1.03, position, f"{shown[0]} [{shown[1]}; {shown[2]}]", fontsize=7.2)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        if log:
            axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
            axes.set_xticks(log_ticks(axes.get_xlim()))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: plain(value, language)))
        axes.set_xlabel(xlabel)
        axes.grid(axis="x", color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        return svg(figure)


def _write(axes: Axes, across: float, position: int, text: str, **how: Any) -> None:
    """Words of a line beside the drawing; `across` counts from 0 at its left edge to 1 at its right."""
    axes.text(across, position, text, transform=axes.get_yaxis_transform(), va="center", **how)


def _interval(axes: Axes, position: int, estimate: float, low: float, high: float, reference: float) -> None:
    """A line from limit to limit and a point, filled where the interval leaves the reference out."""
    axes.plot([low, high], [position, position], color=DEEP, linewidth=1.4)
    inside = DEEP if low > reference or high < reference else "white"
    point: dict[str, Any] = {"marker": "o", "markersize": 5, "markeredgewidth": 1.2}
    axes.plot(estimate, position, color=DEEP, markerfacecolor=inside, **point)
