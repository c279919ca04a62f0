"""Glance, by the original's names; `gl_obj` is the `smog.Cloud`. What is here lies in `smog.compat2015.glance`."""

from .compat2015.glance import *  # noqa: F403
