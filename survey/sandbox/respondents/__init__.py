"""Simulated people who answer the forms from their truth, as the tablet shows the questions to them.

`answer_baseline`, `answer_followup` and `answer_attempt` give a dictionary of answers by question name; the
form's own relevance decides which of them are asked. habits.py says how people answer (forgotten months,
items withheld, ratings), calendar.py tells their spells, life.py holds the modules that baseline and
follow-up share. The truth is `analysis.simulate`; whether somebody is reached at all is fieldwork.py.
"""

from survey.sandbox.respondents.baseline import answer_baseline
from survey.sandbox.respondents.contact import Attempt, answer_attempt
from survey.sandbox.respondents.followup import answer_followup
from survey.sandbox.respondents.habits import Respondent, Screen

__all__ = ["Attempt", "Respondent", "Screen", "answer_attempt", "answer_baseline", "answer_followup"]
