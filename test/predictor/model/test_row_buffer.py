"""The row buffer behaves like a list."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ankle_predictor.model.row_buffer import FIRST_CAPACITY, RowBuffer


@given(st.lists(st.integers(0, 5), max_size=400))
def test_it_contains_the_same_as_a_list(drops: list[int]) -> None:
    queue, expected = RowBuffer((2,)), []
    for k, drop in enumerate(drops):
        queue.append((k, -k))
        expected.append([k, -k])
        if drop > 2:  # about as many rows are removed as added
            queue.drop(drop - 2)
            del expected[: drop - 2]
        assert queue.rows.tolist() == expected
        assert len(queue) == len(expected)


def test_its_capacity_follows_its_length() -> None:
    queue = RowBuffer(())
    for k in range(10_000):
        queue.append(k)
    assert queue.rows.tolist() == list(range(10_000))
    queue.drop(9_990)
    for k in range(10_000):
        queue.append(k)
        queue.drop(1)
    assert queue.capacity == FIRST_CAPACITY
    queue.clear()
    assert not len(queue)


def test_dropping_more_than_there_is_leaves_nothing() -> None:
    queue = RowBuffer((1,))
    queue.append((1.0,))
    queue.drop(3)
    queue.append((2.0,))
    np.testing.assert_array_equal(queue.rows, [[2.0]])
