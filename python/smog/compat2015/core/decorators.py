"""Decorators, by the original's names."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from typing import Any, TypeVar

from ..._smog import Host
from ...errors import MissingProgram

__all__ = ["prepartial", "require_local", "require_remote"]

F = TypeVar("F", bound=Callable[..., Any])


def require_remote(progname: str, valid: tuple[int, ...] = (0,)) -> Callable[[F], F]:
    """The function's keyword `host` must have a program. Nothing is installed: what hosts
    need, `smog prepare` says. Raises `MissingProgram`."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            host = kwargs.get("host")
            if host is None:
                raise TypeError(f"{function.__name__}() needs the keyword `host`")
            machine = host if isinstance(host, Host) else Host.at(host, user=kwargs.get("username"))
            if machine.run("command -v " + progname, shell=True, check=False).exit_code not in valid:
                raise MissingProgram(f"host `{machine.name}` has no `{progname}`", host=machine.name, program=progname)
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


def require_local(progname: str, valid: tuple[int, ...] = (0,)) -> Callable[[F], F]:
    """This machine must have a program. Raises `MissingProgram`."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def checked(*args: Any, **kwargs: Any) -> Any:
            if shutil.which(progname) is None:
                raise MissingProgram(f"this machine has no `{progname}`", program=progname)
            return function(*args, **kwargs)

        return checked  # type: ignore[return-value]

    return decorate


def prepartial(func: Callable[..., Any], *args: Any, **keywords: Any) -> Callable[..., Any]:
    """`functools.partial` whose arguments come after those of the call.

    >>> prepartial(pow, 2)(5)
    25
    """

    @functools.wraps(func)
    def called(*first: Any, **more: Any) -> Any:
        return func(*first, *args, **{**keywords, **more})

    return called
