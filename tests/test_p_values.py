import gc
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from fer_bench.p_values import holm, p_cell, p_text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "< 0.001"),
        (0.001, "= 0.001"),
        (0.01, "= 0.010"),
        (0.0497, "= 0.0497"),
        (0.04997, "= 0.04997"),
        (0.05, "= 0.050"),
        (0.0503, "= 0.0503"),
        (1.0, "= 1.000"),
    ],
)
def test_a_p_value_shows_on_which_side_of_the_level_it_lies(p, text):
    assert p_text(p) == text
    assert p_cell(p) == text.removeprefix("= ")


def test_holms_adjustment_is_that_of_the_worked_example():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holms_adjustment_is_statsmodels_to_the_last_bit(p_values):
    with patch.object(gc, "collect"):  # At every call, with all that the tests before have made.
        assert holm(p_values) == multipletests(p_values, method="holm")[1].tolist()
