"""The session at a prompt is remembered, and what you typed becomes a test.

`smog shell`, `python -i -m smog.tests.numa` and, after `%load_ext smog.session`, IPython and notebooks
remember what was typed, what came of it, what each statement asked for and which values you looked at.
It stays in the memory of this process; passwords, tokens and private keys are not kept.

>>> history()                                       # the lines with their numbers
>>> save_test("pinned_guest_migrates", lines="2-5")  # a test with fixtures, needs and assertions; it is run once

In IPython `%smog_test pinned_guest_migrates 2-5` is the same.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from ..display import Listing
from ..errors import ArgumentError
from .memory import Memory, Statement
from .save import Saved, save, terminal_ask

__all__ = ["Memory", "Saved", "Statement", "current", "history", "load_ipython_extension", "save_test", "start"]

_current: Memory | None = None


def start(names: dict[str, Any], login: dict[str, str] | None = None) -> Memory:
    """Remember what is typed with these names from now on; they get `save_test` and `history`."""
    global _current
    names.update(save_test=save_test, history=history)
    memory = Memory(names, login)
    names["print"] = memory.print
    _current = memory
    return memory


def current() -> Memory:
    """The session of this process. Raises `ArgumentError` when nothing is remembered."""
    if _current is None:
        raise ArgumentError("nothing is remembered here", hint="`smog shell`, or `%load_ext smog.session` in IPython and notebooks")
    return _current


def history() -> Listing[Statement]:
    """What was typed, with the numbers that `save_test(lines=…)` takes. Nothing is asked."""
    return current().history()


def save_test(
    name: str,
    lines: str | int | Iterable[int] | None = None,
    *,
    form: str = "pytest",
    folder: str | os.PathLike[str] = ".",
    keep: str | Iterable[int] | None = None,
    document: str | None = None,
    raises: bool = False,
    replace: bool = False,
    run: bool = True,
) -> Saved:
    """Write a test of what was typed, run it, and try its assertions on wrong values.

    `lines` are numbers of `history()`: "4-12", "3,5-7" (default: all that did not fail). Lines they need
    are added. What was made gets names of its own and is deleted after the test; what you looked at is
    proposed as assertions. `keep` says which are wanted: "all", "none", "1,3-4", "not 2", or numbers; at a
    terminal you are asked. `form` is "pytest" or "unittest" (in the style of 2015, with a file in `configs`).
    `document` is its docstring (default: the comments you typed). `raises=True` keeps lines that ended in an
    exception as what must happen. Raises `ArgumentError` for lines that are not there or failed, objects
    that are gone, a name that is taken and lines of several clouds.

    >>> save_test("pinned_guest_migrates", lines="4-12")
    """
    return save(
        current(), name, lines, form=form, folder=folder, keep=keep, document=document, raises=raises, replace=replace, run=run,
        ask=terminal_ask(),
    )  # fmt: skip


def load_ipython_extension(shell: Any) -> None:
    """`%load_ext smog.session`: remember this IPython session or notebook; `%smog_test` saves a test."""
    from .ipython import attach

    attach(shell)


def module_prompt(names: dict[str, Any], module: str) -> None:
    """The remembered prompt of `python -i -m MODULE`, in the place of Python's own; it ends the process."""
    import atexit
    import sys

    from .prompt import interact

    memory = start(names)
    names["__smog_module__"] = module
    interact(memory, f"{module}: NUMA() begins; history() shows what you typed, save_test(\"NAME\", lines=\"2-5\") makes a test of it")
    # `python -i` would give a second prompt now.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
