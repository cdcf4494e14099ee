"""Interviews with generated answers, right and wrong ones, on the engine of ODK Collect. Requirements:

1. Whatever is answered, an interview is complete, or the tablet has said why not: where it stopped, and if it
   was a constraint in the words of the form and the language on the screen.
2. Every complete XML is decoded without a finding at error level and without loss.
3. Every answer taken is in the XML, as long as the question stands on the route at the end.

The quick run tries a few interviews with each form; the slow one many, longer, and with more errors.
"""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from instruments.fidelity import losses
from instruments.instrument import REFERENCE, Instrument, forms
from survey.sandbox.tablet import Filled, uuids
from survey.sandbox.walks.improviser import Improviser
from survey.sandbox.walks.walking import Walker

SCREENS = {"en": "English (en)", "vi": "Tiếng Việt (vi)"}
KINDS = {"type", "choice_not_offered", "constraint", "required"}
LENIENT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]
CHANCE = st.randoms(use_true_random=False, note_method_calls=False)


def hold(walker: Walker, rng: random.Random, language: str, wrong: float) -> Filled:
    return walker.tablet.fill(
        walker.form,
        walker.media,
        Improviser(walker.domains, rng, wrong=wrong),
        when=walker.when,
        ids=uuids("generated"),
        language=SCREENS[language],
    )


def check(filled: Filled, instrument: Instrument, language: str) -> None:
    """All three requirements for one interview."""
    assert {violation.kind for violation in filled.violations} <= KINDS
    for violation in filled.violations:
        if violation.kind == "constraint":
            said = message(instrument, violation.path, language)
            assert violation.message, violation.path
            assert violation.message == said or REFERENCE.search(said), violation.path
    if not filled.complete:
        assert any(violation.path == filled.refused_at for violation in filled.violations)
        return
    assert filled.refused_at == ""
    assert losses(filled.xml, instrument) == []
    held = {etree.QName(leaf).localname for leaf in etree.fromstring(filled.xml.encode()).iter() if leaf.text}
    assert {path.rpartition("/")[2] for path, _ in filled.answered} <= held


def message(instrument: Instrument, path: str, language: str) -> str:
    question = instrument.question(path.rpartition("/")[2])
    assert question is not None
    return question.cell(f"constraint_message::{SCREENS[language]}")


@pytest.mark.parametrize("form", forms())
@settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=LENIENT)
@given(rng=CHANCE, language=st.sampled_from(sorted(SCREENS)), wrong=st.sampled_from((0.0, 0.03, 0.3)))
def test_an_interview_is_complete_or_says_why_not(walker, form, rng, language, wrong) -> None:  # 1 2 3
    to = walker(form)
    check(hold(to, rng, language, wrong), to.instrument, language)


@pytest.mark.slow
@pytest.mark.parametrize("form", forms())
@pytest.mark.parametrize("seed", range(60))
def test_many_interviews_are_complete_or_say_why_not(walker, form, seed) -> None:  # 1 2 3
    to, rng = walker(form), random.Random(f"{form}/{seed}")
    language = rng.choice(sorted(SCREENS))
    check(hold(to, rng, language, wrong=rng.choice((0.0, 0.02, 0.1, 0.5))), to.instrument, language)


def test_most_interviews_without_mistakes_are_complete(walker) -> None:  # 1
    to = walker("rm_followup")
    done = [to.interview(random.Random(seed)) for seed in range(8)]
    assert sum(filled.complete for filled in done) >= 6
    assert len({filled.asked for filled in done}) > 4


@pytest.mark.parametrize("wrong", [0.3, 1.0])
def test_mistakes_are_refused_and_mostly_put_right(walker, wrong) -> None:  # 1
    to = walker("rm_backcheck")
    done = [to.interview(random.Random(seed), wrong=wrong) for seed in range(6)]
    assert all(filled.violations for filled in done)
    assert {v.kind for filled in done for v in filled.violations} > {"choice_not_offered", "required"}
