"""Drawings of results as SVG, the same bytes for the same numbers.

Each function takes the numbers it shows as a plain frame – the one that the annex prints, with NaN where a
number is suppressed – and words already in the reader's language; it estimates nothing. Shares start at zero.
"""

from analysis.figures.areas import stacked
from analysis.figures.charts import bars, rates
from analysis.figures.flows import Step, flow
from analysis.figures.forests import forest
from analysis.figures.stairs import curves
from analysis.figures.style import FONTS, LADDER, LINES, STATES

__all__ = [
    "FONTS",
    "LADDER",
    "LINES",
    "STATES",
    "Step",
    "bars",
    "curves",
    "flow",
    "forest",
    "rates",
    "stacked",
]
