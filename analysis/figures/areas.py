"""Areas: shares of states over time, stacked to the whole."""

import textwrap
from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from analysis.figures.style import GREY, STATES, axes_of, percent, spread, style, svg


def stacked(
    shares: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    key: str,
    language: str,
    xlabel: str,
    styles: Mapping[str, tuple[str, str]] = STATES,
) -> bytes:
    """Areas of shares on top of each other, one step per month.

    ``shares``: index month, one column per state (fractions that add up to one, NaN where none is drawn).
    """
    with mpl.rc_context(style(key)):
        figure, axes = axes_of(2.9, right=0.745, bottom=0.145, top=0.97)
        months = shares.index.to_numpy(dtype=float)
        floor = np.zeros(len(months))
        places: list[tuple[float, str]] = []
        for state in shares.columns:
            part = shares[state].fillna(0).to_numpy(dtype=float)
            colour, hatch = styles[state]
            _area(axes, months, floor, part, colour, hatch)
            drawn = np.flatnonzero(part > 0)
            if len(drawn):
                places.append((float(floor[drawn[-1]] + part[drawn[-1]] / 2), state))
            floor = floor + part
        axes.set(xlim=(months[0] - 0.5, months[-1] + 0.5), ylim=(0, 1), xlabel=xlabel)
        percent(axes.yaxis, language)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 3, 6, 10]))
        _key_beside(axes, places, labels, styles)
        return svg(figure)


def _area(
    axes: Axes, months: np.ndarray, floor: np.ndarray, part: np.ndarray, colour: str, hatch: str
) -> None:
    """One state's area, flat over each month so that a share never appears between two months."""
    edges = np.repeat(np.append(months - 0.5, months[-1] + 0.5), 2)[1:-1]
    low, high = np.repeat(floor, 2), np.repeat(floor + part, 2)
    axes.fill_between(edges, low, high, where=high > low, facecolor=colour, linewidth=0.3, edgecolor="white")
    if hatch:
        axes.fill_between(
            edges, low, high, where=high > low, facecolor="none", hatch=hatch, linewidth=0, edgecolor=GREY
        )


def _key_beside(
    axes: Axes,
    places: list[tuple[float, str]],
    labels: Mapping[str, str],
    styles: Mapping[str, tuple[str, str]],
) -> None:
    """Patches and words at the right edge, each near its own area and none upon another."""
    order = [state for _, state in places]
    spots = spread([spot for spot, _ in places], 0.105, 0.03, 0.97)
    for state, spot in zip(order, spots, strict=True):
        colour, hatch = styles[state]
        box = Rectangle(
            (1.025, spot - 0.02),
            0.03,
            0.04,
            transform=axes.transAxes,
            facecolor=colour,
            edgecolor=GREY,
            hatch=hatch,
            linewidth=0.5,
            clip_on=False,
        )
        axes.add_patch(box)
        words = textwrap.fill(labels[state], 21)
        axes.text(1.068, spot, words, transform=axes.transAxes, va="center", fontsize=7.2, linespacing=1.05)
