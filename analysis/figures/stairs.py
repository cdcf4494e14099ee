"""Stairs: step curves with their bands, and the number at risk below the time axis."""

import textwrap
from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.figures.style import LINE_LABEL, LINES, RULE, axes_of, percent, spread, style, svg
from analysis.tables import format_number


def curves(
    lines: Sequence[tuple[str, pd.DataFrame]],
    at_risk: pd.DataFrame,
    *,
    key: str,
    language: str,
    xlabel: str,
    ylabel: str,
    risk_label: str,
    top: float | None = None,
) -> bytes:
    """Step curves with their intervals, and the number at risk under the axis.

    Each line is (label, frame with time, estimate, conf_low, conf_high); ``at_risk`` has one column per
    tick of the axis (the index names the rows; NaN prints a dash). The vertical axis starts at zero.
    """
    with mpl.rc_context(style(key)):
        rows = len(at_risk)
        tall = 2.75 + 0.16 * rows
        left = 0.135 if rows == 1 else 0.225  # the rows at risk have names then
        figure, axes = axes_of(tall, left=left, right=0.80, bottom=(0.62 + 0.16 * rows) / tall, top=0.97)
        ends: list[tuple[float, str, str]] = []
        last = max(float(frame["time"].max()) for _, frame in lines)
        for (label, frame), (colour, dash) in zip(lines, LINES, strict=False):
            time = frame["time"].to_numpy(dtype=float)
            value = frame["estimate"].to_numpy(dtype=float)
            axes.fill_between(
                time,
                frame["conf_low"].to_numpy(dtype=float),
                frame["conf_high"].to_numpy(dtype=float),
                step="post",
                color=colour,
                alpha=0.14,
                linewidth=0,
            )
            axes.plot(time, value, drawstyle="steps-post", color=colour, linestyle=dash, linewidth=1.5)
            ends.append((float(value[-1]), label, colour))
        ticks = [float(tick) for tick in at_risk.columns]
        highest = max(float(frame["conf_high"].max()) for _, frame in lines)
        ceiling = top if top is not None else min(1.0, max(0.1, np.ceil(highest * 10) / 10))
        axes.set(xlim=(0, max([last, *ticks])), ylim=(0, ceiling), xlabel=xlabel, ylabel=ylabel)
        axes.set_xticks(ticks, [format_number(tick, 0, language) for tick in ticks])
        axes.grid(axis="y", color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        percent(axes.yaxis, language)
        spots = spread([end / ceiling for end, _, _ in ends], 0.085, 0.03, 0.97)
        for (_, label, colour), spot in zip(ends, spots, strict=True):
            axes.text(
                1.02,
                spot,
                textwrap.fill(label, LINE_LABEL),
                transform=axes.transAxes,
                va="center",
                color=colour,
                fontweight="bold",
            )
        _risk_rows(figure, axes, at_risk, risk_label, language, tall)
        return svg(figure)


def _risk_rows(
    figure: Figure, axes: Axes, at_risk: pd.DataFrame, risk_label: str, language: str, tall: float
) -> None:
    """The numbers at risk, in rows under the axis."""
    inch = 1 / (tall * axes.get_position().height)
    first = -0.52 * inch
    edge = -0.97 * axes.get_position().x0 / axes.get_position().width  # just inside the figure
    axes.text(edge, first, risk_label, transform=axes.transAxes, va="top", fontweight="bold", fontsize=7)
    mixed = axes.get_xaxis_transform()
    for row, (name, numbers) in enumerate(at_risk.iterrows()):
        spot = first - (0.16 * (row + 1)) * inch
        if len(at_risk) > 1:
            axes.text(edge, spot, str(name), transform=axes.transAxes, va="top", fontsize=7)
        for tick, value in numbers.items():
            shown = "–" if pd.isna(value) else format_number(float(value), 0, language)
            axes.text(float(str(tick)), spot, shown, transform=mixed, va="top", ha="center", fontsize=7)
