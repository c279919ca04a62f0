"""Watching a log for a pattern: `smog.utils.monitors.log_monitor`."""
