"""The suites of the core as `unittest` classes.

One class for each class of a suite, one method for each case, with the case's document. A
failed check is a failure with the table of checks, a case that cannot run here is skipped with
the reason, anything else is an error.
"""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

from .. import _smog

__all__ = ["classes"]


def classes(suite: str, module: str) -> dict[str, type[unittest.TestCase]]:
    """The classes of a suite, for the module that bears its name. Nothing is asked."""
    listed: Callable[[], list[tuple[str, str]]] | None = getattr(_smog, "cases", None)
    bodies: dict[str, dict[str, Any]] = {}
    for name, document in listed() if listed else []:
        of, _, rest = name.partition(".")
        group, _, method = rest.rpartition(".")
        if of == suite:
            body = bodies.setdefault(group, {"__module__": module, "__doc__": f"The cases {of}.{group}.*"})
            body[method] = _method(name, method, document)
    return {group: type(group, (unittest.TestCase,), body) for group, body in bodies.items()}


def _method(case: str, name: str, document: str) -> Callable[[unittest.TestCase], None]:
    def run(self: unittest.TestCase) -> None:
        outcome = _smog.run_case(case)
        if outcome.status == "skipped":
            self.skipTest(outcome.text)
        if outcome.status != "passed":
            self.fail(outcome.text)

    run.__name__ = name
    run.__qualname__ = case
    run.__doc__ = document
    return run
