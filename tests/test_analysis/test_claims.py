"""Claims: three-valued logic on columns."""

import pandas as pd

from analysis.claims import at_least, choose, flag, n_named, names_one_of, one_of, same, surely


def column(*values, dtype="Int64"):
    return pd.Series(values, dtype=dtype)


def test_a_missing_answer_makes_a_claim_unknown():
    for claim in (
        same(column(1, 2, None), 1),
        one_of(column(1, 2, None), (1,)),
        at_least(column(1, 0, None), 1),
    ):
        assert flag(claim).tolist() == [1, 0, pd.NA]
        assert surely(claim).tolist() == [True, False, False]


def test_a_claim_not_known_is_never_answered_by_the_next_branch():
    first, second = same(column(1, 0, None, None), 1), same(column(1, 1, 1, 0), 1)
    assert choose([(first, 10), (second, 20)], 30).tolist() == [10, 20, pd.NA, pd.NA]


def test_choose_takes_values_from_columns_too():
    assert choose([(same(column(1, 0), 1), column(7, 8))], column(9, 6)).tolist() == [7, 6]


def test_a_code_in_a_multiple_choice_is_found_as_a_whole_word():
    chosen = column("1 12", "2", "0", None, dtype="string")
    assert flag(names_one_of(chosen, (1,))).tolist() == [1, 0, 0, pd.NA]
    assert flag(names_one_of(chosen, range(1, 15))).tolist() == [1, 1, 0, pd.NA]
    assert n_named(chosen, but=(0,)).tolist() == [2, 1, 0, pd.NA]
