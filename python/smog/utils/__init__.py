"""The original's tools around the tests. What is here lies in `smog.compat2015.utils`."""

from ..compat2015.utils import __getattr__  # noqa: F401
