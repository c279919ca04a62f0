"""The suites of the core as `unittest` classes.

One class for each class of a suite, one method for each case, with the case's document. A
failed check is a failure with the table of checks, a case that cannot run here is skipped with
the reason, anything else is an error.
"""

from __future__ import annotations

import os
import unittest
from collections.abc import Callable
from typing import Any

from .. import _smog
from .._smog import CaseReport, Cloud, connect, run_cases

__all__ = ["Broken", "classes", "options"]

#: How cases are run: the keywords of `smog.run_cases`. The pytest plugin's flags set them too.
#:
#: >>> smog.tests.cases.options.update(prepare=True, keep=True)
options: dict[str, Any] = {}

_clouds: dict[int, Cloud] = {}


class Broken(Exception):
    """A case could not be carried out: a call failed, its time was over. The text has its report."""


def classes(suite: str, module: str) -> dict[str, type[unittest.TestCase]]:
    """The classes of a suite, for the module that bears its name. Nothing is asked."""
    bodies: dict[str, dict[str, Any]] = {}
    for case in _smog.cases():
        of, group, method = case.name.split(".")
        if of == suite:
            document = f"The cases {of}.{group}: see each test's document."
            body = bodies.setdefault(group, {"__module__": module, "__doc__": document})
            body[method] = _method(case.name, method, case.doc)
    return {group: type(group, (unittest.TestCase,), body) for group, body in bodies.items()}


def _method(case: str, name: str, document: str) -> Callable[[unittest.TestCase], None]:
    def run(self: unittest.TestCase) -> None:
        (report,) = run_cases(_cloud(), case, jobs=1, **options)
        _judge(self, report)

    run.__name__ = name
    run.__qualname__ = case
    run.__doc__ = document
    return run


def _judge(test: unittest.TestCase, report: CaseReport) -> None:
    if report.outcome == "skipped":
        test.skipTest(report.why)
    if report.outcome == "broken":
        raise Broken(str(report))
    if report.outcome != "passed" or report.leaked:
        test.fail(str(report))


def _cloud() -> Cloud:
    """One login for all cases of a process."""
    pid = os.getpid()
    if pid not in _clouds:
        _clouds[pid] = connect()
    return _clouds[pid]
