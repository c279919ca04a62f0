"""Watching a log for a pattern, by the original's names. What is here lies in `smog.compat2015.utils.monitors.log_monitor`."""

from ...compat2015.utils.monitors.log_monitor import *  # noqa: F403
