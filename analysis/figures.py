"""Drawings of results as SVG, the same bytes for the same numbers.

Each function takes the numbers it shows as a plain frame – the one that the annex prints, with NaN where a
number is suppressed – and words already in the reader's language; it estimates nothing. Colours are told
apart by people who do not tell red from green, and by their lightness and hatching on a black-and-white
printer; shares start at zero. Letters are drawn as outlines, so that a figure looks alike wherever it is
opened.
"""

import io
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from analysis.tables import MINUS, format_number

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
WIDTH = 6.3
LABEL = 34  # letters of a label on one line of a forest
LINE_LABEL = 17  # and beside a line
INK = "#1c2733"
GREY = "#6b7785"
RULE = "#c9d1d9"
DEEP = "#12416b"
AMBER = "#d98a1f"
PLUM = "#7b3a63"
LINES = ((DEEP, "-"), (AMBER, (0, (5, 2))), ("#2f8f83", (0, (1.5, 1.5))), (GREY, (0, (4, 1.5, 1, 1.5))))
STATES: Mapping[str, tuple[str, str]] = {
    "employed": (DEEP, ""),
    "own_farm": ("#4d86b8", ""),
    "study": ("#a8cbe4", ""),
    "home": ("#e3e7eb", ""),
    "looking": ("#e3b04b", ""),
    "waiting": ("#d98a1f", "///"),
    "abroad": (PLUM, ""),
    "unknown": ("#ffffff", "---"),
    "few": ("#f6f7f8", "\\\\\\"),
}
LADDER = (("#e3e7eb", ""), ("#a8cbe4", ""), ("#4d86b8", ""), (DEEP, ""), (PLUM, ""))
_STYLE = {
    "svg.fonttype": "path",
    "font.family": "DejaVu Sans",
    "font.size": 7.6,
    "axes.titlesize": 8,
    "axes.labelsize": 7.6,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
}


def _style(key: str) -> Any:
    """Settings for one drawing; names inside the SVG follow from its key, not from chance."""
    return {**_STYLE, "svg.hashsalt": key}


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow: a box of the main line and, beside it, those who left the line there."""

    title: str
    lines: tuple[str, ...]
    aside: tuple[str, ...] = ()


def flow(steps: Sequence[Step], *, key: str) -> bytes:
    """Boxes from top to bottom, with a side box where people leave the line."""
    with mpl.rc_context(_style(key)):
        heights = [0.34 + 0.155 * max(len(step.lines), len(step.aside)) for step in steps]
        gap = 0.24
        height = sum(heights) + gap * (len(steps) - 1) + 0.06
        figure = Figure(figsize=(WIDTH, height))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, height))
        axes.axis("off")
        top = height - 0.03
        for position, (step, tall) in enumerate(zip(steps, heights, strict=True)):
            _step(axes, step, top, tall)
            if position + 1 < len(steps):
                _arrow(axes, (1.5, top - tall), (1.5, top - tall - gap))
            top -= tall + gap
        return _svg(figure)


def _step(axes: Axes, step: Step, top: float, tall: float) -> None:
    left, width, side = 0.02, 2.96, 3.5
    axes.add_patch(
        Rectangle((left, top - tall), width, tall, facecolor="white", edgecolor=DEEP, linewidth=0.9)
    )
    axes.add_patch(Rectangle((left, top - tall), 0.06, tall, facecolor=DEEP, edgecolor=DEEP, linewidth=0.9))
    axes.text(left + 0.18, top - 0.11, step.title, va="top", fontweight="bold", fontsize=7.8)
    for row, line in enumerate(step.lines):
        axes.text(left + 0.18, top - 0.30 - 0.155 * row, line, va="top")
    if step.aside:
        tall_side = 0.15 + 0.155 * len(step.aside)
        low = top - tall / 2 - tall_side / 2
        axes.add_patch(
            Rectangle(
                (side, low),
                WIDTH - side - 0.02,
                tall_side,
                facecolor="#f3f5f7",
                edgecolor=RULE,
                linewidth=0.7,
            )
        )
        for row, line in enumerate(step.aside):
            weight = "bold" if row == 0 else "normal"
            axes.text(side + 0.12, low + tall_side - 0.09 - 0.155 * row, line, va="top", fontweight=weight)
        _arrow(axes, (left + width, top - tall / 2), (side, top - tall / 2))


def _arrow(axes: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.add_patch(
        FancyArrowPatch(
            start, end, arrowstyle="-|>", mutation_scale=7, shrinkA=0, shrinkB=0, linewidth=0.8, color=GREY
        )
    )


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
    with mpl.rc_context(_style(key)):
        figure, axes = _axes(2.9, right=0.745, bottom=0.145, top=0.97)
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
        _percent(axes.yaxis, language)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 3, 6, 10]))
        _key_beside(axes, places, labels, styles)
        return _svg(figure)


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
    spots = _spread([spot for spot, _ in places], 0.105, 0.03, 0.97)
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
    with mpl.rc_context(_style(key)):
        rows = len(at_risk)
        tall = 2.75 + 0.16 * rows
        left = 0.135 if rows == 1 else 0.225  # the rows at risk have names then
        figure, axes = _axes(tall, left=left, right=0.80, bottom=(0.62 + 0.16 * rows) / tall, top=0.97)
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
        _percent(axes.yaxis, language)
        spots = _spread([end / ceiling for end, _, _ in ends], 0.085, 0.03, 0.97)
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
        return _svg(figure)


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
    with mpl.rc_context(_style(key)):
        labels = [textwrap.fill(str(label), LABEL) for label in effects["label"]]
        step = 0.235 + 0.1 * max((label.count("\n") for label in labels), default=0)
        tall = 0.66 + step * len(effects)
        figure, axes = _axes(tall, left=0.36, right=0.76, bottom=0.45 / tall, top=1 - 0.12 / tall)
        axes.set_ylim(len(effects) - 0.5, -0.5)
        if log:
            axes.set_xscale("log")
        axes.axvline(reference, color=GREY, linewidth=0.8)
        for position, row in enumerate(effects.itertuples(index=False)):
            if pd.isna(row.estimate):
                axes.text(
                    -0.88,
                    position,
                    row.label,
                    transform=axes.get_yaxis_transform(),
                    va="center",
                    weight="bold",
                )
                continue
            axes.plot([row.conf_low, row.conf_high], [position, position], color=DEEP, linewidth=1.4)
            clear = row.conf_low > reference or row.conf_high < reference
            axes.plot(
                row.estimate,
                position,
                marker="o",
                markersize=5,
                color=DEEP,
                markerfacecolor=DEEP if clear else "white",
                markeredgewidth=1.2,
            )
            axes.text(
                -0.04,
                position,
                labels[position],
                transform=axes.get_yaxis_transform(),
                va="center",
                ha="right",
                linespacing=1.05,
            )
            numbers = " ".join(
                (
                    format_number(row.estimate, digits, language),
                    f"[{format_number(row.conf_low, digits, language)};",
                    f"{format_number(row.conf_high, digits, language)}]",
                )
            )
            axes.text(
                1.03, position, numbers, transform=axes.get_yaxis_transform(), va="center", fontsize=7.2
            )
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        if log:
            axes.xaxis.set_minor_locator(mpl.ticker.NullLocator())
            axes.set_xticks(_log_ticks(axes.get_xlim()))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value, language)))
        axes.set_xlabel(xlabel)
        axes.grid(axis="x", color=RULE, linewidth=0.4)
        axes.set_axisbelow(True)
        return _svg(figure)


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
    with mpl.rc_context(_style(key)):
        figure, axes = _axes(2.6, left=0.085, right=0.76, bottom=0.17, top=0.96)
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
        _percent(axes.yaxis, language)
        spots = _spread([end for end, _, _ in ends], 0.12, 0.03, 0.98)
        for (_, label, colour), spot in zip(ends, spots, strict=True):
            axes.text(
                1.02, spot, label, transform=axes.transAxes, va="center", color=colour, fontweight="bold"
            )
        return _svg(figure)


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
    with mpl.rc_context(_style(key)):
        tall = 0.95 + 0.34 * len(shares)
        figure, axes = _axes(tall, left=0.2, right=0.9, bottom=0.36 / tall, top=1 - 0.42 / tall)
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
                    axes.text(start + value / 2, spot, words, ha="center", va="center", color=_on(colour))
            left = left + values
        axes.set(xlim=(0, 1), ylim=(len(shares) - 0.5, -0.5))
        axes.set_yticks(spots, [str(name) for name in shares.index])
        for spot, base in zip(spots, bases, strict=True):
            axes.text(
                1.015, spot, base, transform=axes.get_yaxis_transform(), va="center", fontsize=7, color=GREY
            )
        axes.spines["left"].set_visible(False)
        _percent(axes.xaxis, language)
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
        return _svg(figure)


def _axes(
    tall: float, *, left: float = 0.085, right: float = 0.97, bottom: float = 0.15, top: float = 0.95
) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, tall))
    return figure, figure.add_axes((left, bottom, right - left, top - bottom))


def _percent(axis: mpl.axis.Axis, language: str) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{format_number(value * 100, 0, language)}%"))


def _plain(value: float, language: str) -> str:
    """A tick in as few decimals as it needs."""
    return format_number(
        value, 0 if float(value).is_integer() else 1 if value > 0.1 else 2, language
    ).replace("-", MINUS)


def _log_ticks(limits: tuple[float, float]) -> list[float]:
    chosen = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if limits[0] <= tick <= limits[1]]
    return [float(tick) for tick in chosen] or [1.0]


def _spread(spots: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The wanted positions, moved apart until neighbours are ``gap`` away from each other."""
    order = np.argsort(spots, kind="stable")
    placed = np.clip(np.asarray(spots, dtype=float)[order], low, high)
    for position in range(1, len(placed)):
        placed[position] = max(placed[position], placed[position - 1] + gap)
    overflow = placed[-1] - high if len(placed) else 0.0
    if overflow > 0:
        placed[-1] = high
        for position in range(len(placed) - 2, -1, -1):
            placed[position] = min(placed[position], placed[position + 1] - gap)
    result = np.empty(len(placed))
    result[order] = placed
    return [float(spot) for spot in result]


def _on(colour: str) -> str:
    """Black or white, whichever is legible on the colour."""
    red, green, blue = mpl.colors.to_rgb(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"


def _svg(figure: Figure) -> bytes:
    """The drawing as SVG without date, version or any other trace of its making."""
    buffer = io.BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    return buffer.getvalue()
