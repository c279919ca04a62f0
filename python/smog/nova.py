"""Nova, by the original's names. What is here lies in `smog.compat2015.nova`."""

from .compat2015.nova import *  # noqa: F403
