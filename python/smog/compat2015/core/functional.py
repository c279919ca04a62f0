"""Small generators, by the original's names."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

__all__ = ["add_to_map", "bytes_iter", "powers_two"]


def add_to_map(m: dict[Any, Any], kv: tuple[Any, Any]) -> dict[Any, Any]:
    """A new map with one pair more.

    >>> add_to_map({"a": 1}, ("b", 2))
    {'a': 1, 'b': 2}
    """
    return {**m, kv[0]: kv[1]}


def bytes_iter() -> Iterator[int]:
    """1024, 1024², … without end."""
    return (1024**power for power in itertools.count(1))


def powers_two() -> Iterator[int]:
    """1, 2, 4, 8, … without end.

    >>> list(itertools.islice(powers_two(), 4))
    [1, 2, 4, 8]
    """
    return (1 << power for power in itertools.count())
