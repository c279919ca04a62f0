"""Numbers as the original took them: also as text, which novaclient passed on to Nova."""

from __future__ import annotations

from .errors import ArgumentError

__all__ = ["seconds", "whole"]


def whole(name: str, value: int | str | float) -> int:
    """A whole number, given as one or as text.

    >>> whole("ram", "128")
    128
    """
    try:
        number = int(value)
        if isinstance(value, str) or number == value:
            return number
    except (TypeError, ValueError, OverflowError):
        pass
    raise ArgumentError(f"{name} {value!r}: not a whole number")


def seconds(name: str, value: float | str) -> float:
    """A number of seconds, given as one or as text."""
    try:
        number = float(value)
        if number >= 0:
            return number
    except (TypeError, ValueError):
        pass
    raise ArgumentError(f"{name} {value!r}: not a number of seconds")
