"""Returnee histories with a known truth: invented people whose monthly lives follow stated coefficients.

`simulate` gives `Histories`; each `Truth` in it is one invented person with arrays by month since return.
coefficients.py states every effect once, people.py draws the facts of a person, months.py lets the months
pass, truth.py holds the result. How the people answer a questionnaire is no matter of this package.
"""

from analysis.simulate.coefficients import Coefficients
from analysis.simulate.people import Area, default_areas
from analysis.simulate.truth import Histories, Truth, simulate

__all__ = ["Area", "Coefficients", "Histories", "Truth", "default_areas", "simulate"]
