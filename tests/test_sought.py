"""What is looked for together is found wherever it stands, and nothing else is."""

from __future__ import annotations

import random
import sys

import numpy as np

from redux.sought import Sought


def test_any_number_of_patterns_is_found_wherever_they_stand_and_nothing_else():
    chance = random.Random(20261122)
    for letters, most in ((b"ab", 12), (bytes(range(256)), 40)):
        for _ in range(150):
            count = chance.choice((1, 16, 17, 300))
            patterns = {bytes(chance.choices(letters, k=chance.randint(4, most))) for _ in range(count)}
            data = bytes(chance.choices(letters, k=chance.randint(0, 60)))
            if chance.random() < 0.5:
                at = chance.randint(0, len(data))
                data = data[:at] + chance.choice(sorted(patterns)) + data[at:]
            assert Sought(patterns).any_in(data) == any(pattern in data for pattern in patterns), (patterns, data)


def test_in_large_buffers_too():
    assert np.__name__ in sys.modules  # which takes part there
    chance = random.Random(20261122)
    data = chance.randbytes((1 << 20) + 3)
    patterns = [chance.randbytes(length) for length in (*range(4, 40), *[30] * 200)]
    assert not Sought(patterns).any_in(data)
    for pattern in patterns[:30]:
        at = chance.choice((0, len(data) // 2 + chance.randint(0, 3), len(data)))
        assert Sought(patterns).any_in(data[:at] + pattern + data[at:])


def test_what_begins_like_many_patterns_in_very_many_places_is_taken_as_one_of_them():
    alike = Sought(b"0000-0000-0000-%08d" % number for number in range(1_000))
    assert not alike.any_in(b"0000-0000-0000-" * 40)
    assert alike.any_in(b"0000-0000-0000-" * 100_000)
