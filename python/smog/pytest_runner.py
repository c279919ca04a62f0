"""What `smog test PATH` asks of pytest: which tests there are, and how one of them ended.

`pytest -p smog.pytest_runner --collect-only --smog-collect FILE PATH` writes a JSON line for each test;
`pytest -p smog.pytest_runner --smog-outcome FILE ID` writes one JSON object. The command schedules by the
claims, follows the logs of all hosts itself, and judges exceptions by the requests named here.
"""

from __future__ import annotations

import inspect
import json
import pathlib
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("smog")
    group.addoption("--smog-collect", metavar="FILE", default=None, help="write the tests that were found, for `smog test`")
    group.addoption("--smog-outcome", metavar="FILE", default=None, help="write how the test ended, for `smog test`")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--smog-outcome"):
        config.option.smog_no_recorder = True
        config.pluginmanager.register(_Outcome(config), "smog-outcome")


def pytest_collection_finish(session: pytest.Session) -> None:
    path = session.config.getoption("--smog-collect")
    if not path:
        return
    with open(str(path), "w") as file:
        for item in session.items:
            file.write(json.dumps(_described(item)) + "\n")


def _described(item: pytest.Item) -> dict[str, Any]:
    owner = getattr(item, "cls", None)
    parts = [item.path.stem, *([owner.__name__] if owner else []), item.name]
    marker = item.get_closest_marker("smog_claims")
    document = inspect.getdoc(getattr(item, "obj", None)) or ""
    config = getattr(owner, "config_file", None)
    claims = dict(marker.kwargs) if marker else {}
    if owner and config and not claims:
        claims = _of_file(item.path.parent / "configs" / config)
    if {"boot", "guest", "made"} & set(getattr(item, "fixturenames", ())):
        claims.setdefault("hosts", 1)
    return {"id": item.nodeid, "root": str(item.config.rootpath), "parts": parts, "doc": document, "claims": claims}


def _of_file(path: pathlib.Path) -> dict[str, Any]:
    """The needs that a test in the style of 2015 has in its YAML file."""
    from ._smog import read_yaml

    try:
        needs = (read_yaml(str(path)) or {}).get("needs") or {}
    except Exception:  # the test itself will say what is wrong with its file
        return {}
    return needs if isinstance(needs, dict) else {}


class _Outcome:
    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.outcome, self.why = "passed", ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and self.outcome == "passed":
            reason = report.longrepr
            self.outcome, self.why = "skipped", str(reason[2] if isinstance(reason, tuple) else reason).removeprefix("Skipped: ")
        elif report.failed:
            kind = "failed" if report.when == "call" else "broken"
            crash = getattr(report.longrepr, "reprcrash", None)
            self.outcome, self.why = kind, str(getattr(crash, "message", None) or report.longrepr)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        from .pytest_plugin import calls_made

        calls = session.config.stash.get(calls_made, [])
        requests = sorted({call.request_id for call in calls if call.request_id})
        with open(str(self.config.getoption("--smog-outcome")), "w") as file:
            json.dump({"outcome": self.outcome, "why": self.why[:4000], "requests": requests}, file)
