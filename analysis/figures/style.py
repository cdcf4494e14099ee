"""Style: what all figures share – colours, letters, axes, and the same bytes for the same numbers.

Colours are told apart by people who do not tell red from green, and by their lightness and hatching on a
black-and-white printer. Letters are drawn as outlines, so that a figure looks alike wherever it is opened.
"""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from analysis.tables import MINUS, format_number

FONTS = Path(mpl.get_data_path()) / "fonts" / "ttf"
WIDTH = 6.3
LINE_LABEL = 17  # letters of a label beside a line, on one line of text
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


def style(key: str) -> Any:
    """Settings for one drawing; names inside the SVG follow from its key, not from chance."""
    return {**_STYLE, "svg.hashsalt": key}


def axes_of(
    tall: float, *, left: float = 0.085, right: float = 0.97, bottom: float = 0.15, top: float = 0.95
) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, tall))
    return figure, figure.add_axes((left, bottom, right - left, top - bottom))


def percent(axis: mpl.axis.Axis, language: str) -> None:
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{format_number(value * 100, 0, language)}%"))


def plain(value: float, language: str) -> str:
    """A tick in as few decimals as it needs."""
    return format_number(
        value, 0 if float(value).is_integer() else 1 if value > 0.1 else 2, language
    ).replace("-", MINUS)


def log_ticks(limits: tuple[float, float]) -> list[float]:
    chosen = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20) if limits[0] <= tick <= limits[1]]
    return [float(tick) for tick in chosen] or [1.0]


def spread(spots: Sequence[float], gap: float, low: float, high: float) -> list[float]:
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


def on(colour: str) -> str:
    """Black or white, whichever is legible on the colour."""
    red, green, blue = mpl.colors.to_rgb(colour)
    return INK if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else "white"


def svg(figure: Figure) -> bytes:
    """The drawing as SVG without date, version or any other trace of its making."""
    buffer = io.BytesIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    return buffer.getvalue()
