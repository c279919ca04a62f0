"""The original's exceptions; all of them are `smog.SmogError`. What is here lies in `smog.compat2015.core.exceptions`."""

from ..compat2015.core.exceptions import *  # noqa: F403
