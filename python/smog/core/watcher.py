"""Watching output for what should not be in it, by the original's names. What is here lies in `smog.compat2015.core.watcher`."""

from ..compat2015.core.watcher import *  # noqa: F403
from ..compat2015.core.watcher import __getattr__  # noqa: F401
