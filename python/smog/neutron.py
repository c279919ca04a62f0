"""Neutron, by the original's names; `net_cl` is the `smog.Cloud`. What is here lies in `smog.compat2015.neutron`."""

from .compat2015.neutron import *  # noqa: F403
