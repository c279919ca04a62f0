"""Watching a log for a pattern. What is here lies in `smog.compat2015.utils.monitors`."""
