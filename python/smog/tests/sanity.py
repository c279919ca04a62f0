"""Boot, states, live migration, evacuation, config drive: the suites as `unittest` classes.

>>> python -m unittest smog.tests.sanity
"""

from __future__ import annotations

from typing import Any

from ..core.watcher import Handler
from ..glance import get_cloud_image as _get_cloud_image
from . import cases
from .base import BaseStack

__all__ = ["ConfigDriveHandler", "NovaSanity", "all_states"]

#: Every status a server can have.
all_states = [
    "ACTIVE",
    "BUILD",
    "DELETED",
    "ERROR",
    "HARD_REBOOT",
    "MIGRATING",
    "PASSWORD",
    "PAUSED",
    "REBOOT",
    "REBUILD",
    "RESCUE",
    "RESIZE",
    "REVERT_RESIZE",
    "SHELVED",
    "SHELVED_OFFLOADED",
    "SHUTOFF",
    "SOFT_DELETED",
    "SUSPENDED",
    "UNKNOWN",
    "VERIFY_RESIZE",
]


class NovaSanity(BaseStack):
    """A `BaseStack` that fetches images."""

    def get_cloud_image(self, location: str, name: str) -> str:
        """Fetch a URL once; see `smog.glance.get_cloud_image`."""
        return _get_cloud_image(location, name)


class ConfigDriveHandler(Handler):
    """Ends when the log says that a guest's config drive was made: `result` is ("Success", line)."""

    def __init__(self, rdr: Any = None, instance_id: str = "") -> None:
        super().__init__(rdr)
        self.instance_id = instance_id

    def __call__(self, line: str) -> bool:
        if "Creating config drive" in line and self.instance_id in line:
            self.result = ("Success", line)
            return False
        return True


# The original had these here as well.
for _suite in ("sanity", "live_migration", "evacuate"):
    _classes = cases.classes(_suite, __name__)
    globals().update(_classes, __all__=[*globals()["__all__"], *_classes])

if __name__ == "__main__":
    import unittest

    unittest.main(module="smog.tests.sanity")
