"""The logic of the program: alternating rounds, equal answers, ratios within a round."""

from __future__ import annotations

import pytest

from benches.threads.__main__ import Times, in_turns, resident, table


def test_calls_take_turns() -> None:
    order: list[int] = []
    found = in_turns({n: lambda n=n: order.append(n) or 7 for n in (1, 4)}, rounds=2)
    assert order == [1, 4] * 3
    assert {number: len(times) for number, times in found.items()} == {1: 2, 4: 2}


def test_another_count_ends_the_run() -> None:
    with pytest.raises(SystemExit, match="depends on the number of threads"):
        in_turns({1: lambda: 7, 2: lambda: 8}, rounds=1)


def test_ratios_are_taken_within_a_round() -> None:
    row = {1: [Times(1, 1), Times(10, 10), Times(2, 2)], 2: [Times(0.5, 1.1), Times(5, 10), Times(2, 2.2)]}
    assert table({"English": row}).splitlines()[-1] == "| English | 1.00 / 1.00 | 0.50 / 1.10 |"


def test_memory_is_measured() -> None:
    assert resident("r50k_base", 2) > 10_000_000
