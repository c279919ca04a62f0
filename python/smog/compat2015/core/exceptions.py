"""The original's exceptions; all of them are `smog.SmogError`."""

from ...errors import (
    AmbiguityException,
    ArgumentError,
    BootException,
    ConfigException,
    FreePageException,
    ReadOnlyException,
)

__all__ = [
    "AmbiguityException",
    "ArgumentError",
    "BootException",
    "ConfigException",
    "FreePageException",
    "ReadOnlyException",
]
