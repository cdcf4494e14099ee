"""Flows: boxes from top to bottom, with those who left the line beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, Rectangle

from analysis.figures.style import DEEP, GREY, RULE, WIDTH, style, svg


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a flow: a box of the main line and, beside it, those who left the line there."""

    title: str
    lines: tuple[str, ...]
    aside: tuple[str, ...] = ()


def flow(steps: Sequence[Step], *, key: str) -> bytes:
    """Boxes from top to bottom, with a side box where people leave the line."""
    with mpl.rc_context(style(key)):
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
        return svg(figure)


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
