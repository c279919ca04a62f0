"""Small generators, by the original's names. What is here lies in `smog.compat2015.core.functional`."""

from ..compat2015.core.functional import *  # noqa: F403
