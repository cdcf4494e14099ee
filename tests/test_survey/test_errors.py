"""Errors: one line that says what, where and how to mend it, and the exit code it stands for."""

import inspect

import pytest

from instruments.findings import Finding
from survey import errors
from survey.errors import CentralRejected, FormRefused, SettingsError, SurveyError

EVERY = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, Exception) and kind.__module__ == errors.__name__
]


def test_an_error_is_one_line_of_what_where_and_cure():
    told = str(SurveyError("it broke\n  in two", where="file x", cure="mend it"))
    assert told == "it broke in two (file x): mend it"


def test_place_and_cure_may_be_left_out():
    assert str(SurveyError("it broke")) == "it broke"


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_belongs_to_the_tree_that_heads_the_file(kind: type[Exception]):
    assert issubclass(kind, SurveyError)
    assert kind.__name__ in (errors.__doc__ or "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SurveyError("x"), 1),
        (SettingsError("x"), 2),
        (FormRefused("x", [Finding("error", "c", "w", "m")]), 3),
        (CentralRejected("x", status=409, code="409.6"), 1),
    ],
)
def test_what_the_command_line_leaves_with(error: SurveyError, code: int):
    assert error.exit_code == code


def test_a_refusal_keeps_centrals_own_code():
    error = CentralRejected("x", status=409, code="409.15")
    assert (error.status, error.code) == (409, "409.15")
