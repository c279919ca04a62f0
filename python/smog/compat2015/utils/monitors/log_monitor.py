"""Watching a log for a pattern, by the original's names. Modern: `cloud.watch(grep=[…])`."""

from __future__ import annotations

import logging
import re
from typing import Any

from ...core.watcher import Handler, Watcher, make_watcher

__all__ = ["Monitor", "RegexHandler"]


class RegexHandler(Handler):
    """Looks for a pattern: `result` is ("Success", line); goes on for ever when `counts` is `None`."""

    def __init__(self, rdr: Any = None, regexp: str = "", counts: int | None = 1) -> None:
        super().__init__(rdr)
        self.regexp = re.compile(regexp)
        self.counts = counts

    def __call__(self, line: str) -> bool:
        if not self.regexp.search(line):
            return True
        self.found += 1
        self._result = ("Success", line)
        return self.counts is None or self.found < self.counts


class Monitor:
    """Watches one log of a host: `Monitor("cmp1", "/var/log/nova/nova-compute.log").monitor("Took .* to build")`."""

    def __init__(self, host: str, lfile: str, creds: Any = None, logger: logging.Logger | None = None) -> None:
        self.host, self.lfile = host, lfile

    def monitor(self, pattern: str, mon_name: str = "default") -> Watcher:
        """Begin to look for a pattern; returns when new lines are seen."""
        return make_watcher(f"tail -f {self.lfile}", RegexHandler, pattern, host=self.host, name=mon_name)
