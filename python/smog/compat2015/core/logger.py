"""Logging, by the original's names.

`glob_logger` is the logger "smog" with a line on standard output for INFO and above; the
handler is added when this module is imported, and no file is opened. `smog` itself logs to
`logging.getLogger("smog")` and is quiet without it.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable
from typing import TextIO

__all__ = [
    "FORMAT",
    "banner",
    "get_simple_logger",
    "glob_logger",
    "make_file_handler",
    "make_formatter",
    "make_logger",
    "make_stream_handler",
    "make_timestamp",
    "make_timestamped_filename",
]

FORMAT = "%(asctime)s %(name)s %(levelname)s: %(message)s"


def make_timestamp() -> str:
    """The time now: "2015-6-1-8-56-45"."""
    now = time.localtime()
    return "-".join(str(part) for part in now[:6])


def make_timestamped_filename(prefix: str, postfix: str = ".log") -> str:
    """"test-2015-6-1-8-56-45.log"."""
    return f"{prefix}-{make_timestamp()}{postfix}"


def make_formatter(format_str: str = FORMAT, date_format: str = "%H:%M:%S") -> logging.Formatter:
    """A formatter with the time of day."""
    return logging.Formatter(format_str or FORMAT, date_format)


class _Out(logging.StreamHandler[TextIO]):
    """Writes to whatever standard output is at the time: tests and notebooks replace it."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def make_stream_handler(
    fmt: logging.Formatter | None = None, stream: TextIO | None = None, loglevel: int = logging.INFO
) -> logging.Handler:
    """A handler that writes to a stream, standard output unless given."""
    handler = _Out() if stream is None else logging.StreamHandler(stream)
    handler.setLevel(loglevel)
    handler.setFormatter(fmt or make_formatter())
    return handler


def make_file_handler(
    fmt: logging.Formatter | None = None, filename: str = "smog.log", loglevel: int = logging.DEBUG
) -> logging.Handler:
    """A handler that writes to a file, opened with the first line."""
    handler = logging.FileHandler(filename, delay=True)
    handler.setLevel(loglevel)
    handler.setFormatter(fmt or make_formatter())
    return handler


def make_logger(
    loggername: str, handlers: Iterable[logging.Handler] = (), loglevel: int = logging.DEBUG
) -> logging.Logger:
    """A logger with these handlers, each once."""
    logger = logging.getLogger(loggername)
    logger.setLevel(loglevel)
    for handler in handlers:
        if handler not in logger.handlers:
            logger.addHandler(handler)
    return logger


def get_simple_logger(logname: str, filename: str, loglvl: int = logging.DEBUG) -> logging.Logger:
    """A logger to standard output and to a file."""
    return make_logger(logname, [make_stream_handler(), make_file_handler(filename=filename)], loglvl)


def banner(
    logger: logging.Logger, msgs: Iterable[str], loglevel: int = logging.INFO, highlight: str = "=", length: int = 20
) -> None:
    """Messages between two lines."""
    logger.log(loglevel, highlight * length)
    for message in msgs:
        logger.log(loglevel, message)
    logger.log(loglevel, highlight * length)


glob_logger = make_logger("smog", [make_stream_handler()])
glob_logger.propagate = False
