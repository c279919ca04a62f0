"""The suites of the core as `unittest` classes.

One class for each class of a suite, one method for each case, with the case's document. A
failed check is a failure with the table of checks, a case that cannot run here is skipped with
the reason, anything else is an error.
"""

from __future__ import annotations

import os
import unittest
from collections.abc import Callable
from typing import Any, cast

from .. import _smog
from .._smog import CaseReport, Cloud, connect, run_cases

__all__ = ["Broken", "classes", "options"]

#: How cases are run: the keywords of `smog.run_cases`. The pytest plugin's flags set them too.
#:
#: >>> smog.tests.cases.options.update(prepare=True, keep=True)
options: dict[str, Any] = {}

#: Other spellings of the introduction, by class and method. They are found by name only: whoever
#: runs a whole class runs each case once.
ALIASES = {"numa.NUMALargePage": {"test_large_page": "test_large_pages"}}

_clouds: dict[int, Cloud] = {}


class Broken(Exception):
    """A case could not be carried out: a call failed, or it timed out. The text has its report."""


def classes(suite: str, module: str) -> dict[str, type[unittest.TestCase]]:
    """The classes of a suite, for the module that bears its name. Nothing is asked."""
    bodies: dict[str, dict[str, Any]] = {}
    for case in _smog.cases():
        of, group, method = case.name.split(".")
        if of == suite:
            document = f"The cases {of}.{group}: see each test's document."
            body = bodies.setdefault(group, {"__module__": module, "__doc__": document})
            body[method] = _method(case.name, method, case.doc)
    return {group: _class(group, body, ALIASES.get(f"{suite}.{group}", {})) for group, body in bodies.items()}


def _class(name: str, body: dict[str, Any], aliases: dict[str, str]) -> type[unittest.TestCase]:
    if not aliases:
        return type(name, (unittest.TestCase,), body)

    class ByAlias(type):
        def __getattr__(cls, asked: str) -> Any:
            if asked in aliases:
                return getattr(cls, aliases[asked])
            raise AttributeError(f"type object {name!r} has no attribute {asked!r}")

    def of_instance(self: Any, asked: str) -> Any:
        return getattr(type(self), asked).__get__(self)

    return cast("type[unittest.TestCase]", ByAlias(name, (unittest.TestCase,), {**body, "__getattr__": of_instance}))


def _method(case: str, name: str, document: str) -> Callable[[unittest.TestCase], None]:
    def run(self: unittest.TestCase) -> None:
        (report,) = run_cases(cloud(), case, jobs=1, **options)
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


def cloud() -> Cloud:
    """One login for all cases of a process."""
    pid = os.getpid()
    if pid not in _clouds:
        _clouds[pid] = connect()
    return _clouds[pid]
