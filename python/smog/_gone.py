"""Says what has taken the place of a name of the original."""

from __future__ import annotations

from typing import NoReturn


def explain(module: str, name: str, replaced: dict[str, str]) -> NoReturn:
    """Raise `AttributeError`, with the replacement where the original had the name."""
    instead = replaced.get(name)
    if instead is None:
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    raise AttributeError(f"{module}.{name} is gone: instead of it there is {instead} (docs/python-parity.md)")
