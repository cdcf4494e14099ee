"""Charts: rates with their intervals by wave or group, and bars of shares."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from analysis.figures.style import GREY, LINE_LABEL, LINES, RULE, axes_of, on, percent, spread, style, svg
from analysis.tables import format_number


def rates(
    points: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    key: str,
    language: str,
    xlabel: str,
    ticks: Mapping[float, str],
) -> bytes:
    """Rates by wave as lines with a mark at each wave; ``points``: index wave, one column per rate."""
    with mpl.rc_context(style(key)):
        figure, axes = axes_of(2.6, left=0.085, right=0.76, bottom=0.17, top=0.96)
        ends = []
        markers = ("o", "s", "^", "D")
        for (name, series), (colour, dash), marker in zip(points.items(), LINES, markers, strict=False):
            values = series.dropna()
            if values.empty:
                continue
            axes.plot(
                values.index.to_numpy(dtype=float),
                values.to_numpy(dtype=float),
                color=colour,
                linestyle=dash,
                linewidth=1.4,
                marker=marker,
                markersize=5,
                markerfacecolor="white",
                markeredgewidth=1.2,
                clip_on=False,
                zorder=3,
            )
            ends.append((float(values.iloc[-1]), textwrap.fill(labels[str(name)], LINE_LABEL), colour))
        axes.set(ylim=(0, 1.0), xlabel=xlabel)
        axes.set_xlim(min(ticks) - 0.25, max(ticks) + 0.25)
        axes.set_xticks(list(ticks), list(ticks.values()))
        axes.grid(axis="y", color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        percent(axes.yaxis, language)
        spots = spread([end for end, _, _ in ends], 0.12, 0.03, 0.98)
        for (_, label, colour), spot in zip(ends, spots, strict=True):
            axes.text(
                1.02, spot, label, transform=axes.transAxes, va="center", color=colour, fontweight="bold"
            )
        return svg(figure)


def bars(
    shares: pd.DataFrame,
    labels: Mapping[str, str],
    *,
    key: str,
    language: str,
    bases: Sequence[str],
    styles: Mapping[str, tuple[str, str]],
) -> bytes:
    """Horizontal bars, one line per group; ``shares``: index group, one column per part, NaN where hidden."""
    with mpl.rc_context(style(key)):
        tall = 0.95 + 0.34 * len(shares)
        figure, axes = axes_of(tall, left=0.2, right=0.9, bottom=0.36 / tall, top=1 - 0.42 / tall)
        left = np.zeros(len(shares))
        spots = np.arange(len(shares), dtype=float)
        for part in shares.columns:
            values = shares[part].fillna(0).to_numpy(dtype=float)
            colour, hatch = styles[part]
            axes.barh(
                spots,
                values,
                left=left,
                height=0.68,
                color=colour,
                hatch=hatch,
                edgecolor="white",
                linewidth=0.8,
            )
            for spot, start, value in zip(spots, left, values, strict=True):
                if value >= 0.05 and part != "few":
                    words = format_number(value * 100, 0, language)
                    axes.text(start + value / 2, spot, words, ha="center", va="center", color=on(colour))
            left = left + values
        axes.set(xlim=(0, 1), ylim=(len(shares) - 0.5, -0.5))
        axes.set_yticks(spots, [str(name) for name in shares.index])
        for spot, base in zip(spots, bases, strict=True):
            axes.text(
                1.015, spot, base, transform=axes.get_yaxis_transform(), va="center", fontsize=7, color=GREY
            )
        axes.spines["left"].set_visible(False)
        percent(axes.xaxis, language)
        handles = [
            Rectangle(
                (0, 0), 1, 1, facecolor=styles[part][0], hatch=styles[part][1], edgecolor=GREY, linewidth=0.4
            )
            for part in shares.columns
        ]
        figure.legend(
            handles,
            [labels[part] for part in shares.columns],
            loc="upper left",
            bbox_to_anchor=(0.0, 1.0),
            ncols=len(shares.columns),
            handlelength=1.1,
            handleheight=0.9,
            columnspacing=1.1,
            fontsize=7.2,
        )
        return svg(figure)
