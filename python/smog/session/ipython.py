"""IPython and notebooks: cells are remembered by their own numbers, `%smog_test` saves a test."""

from __future__ import annotations

import re
from typing import Any

from . import current, start
from ..errors import ArgumentError
from .complete import names_for
from .memory import Memory
from .save import arguments_of


def attach(shell: Any, memory: Memory | None = None) -> Memory:
    """Remember the cells of this shell from now on."""
    memory = memory or _of(shell.user_ns) or start(shell.user_ns)
    memory.names = shell.user_ns

    def before(info: Any) -> None:
        if getattr(info, "store_history", True):
            memory.begin(str(info.raw_cell or ""))

    def after(result: Any) -> None:
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            memory.failed(error)
        elif result.result is not None:
            memory.echo(result.result)
        memory.end(getattr(result, "execution_count", None))

    def smog_test(line: str) -> Any:
        """Save a test of what was typed: `%smog_test NAME 4-12`; see `save_test`."""
        from . import save_test

        name, given = arguments_of(line)
        return save_test(name, given.pop("lines"), **given)

    shell.events.register("pre_run_cell", before)
    shell.events.register("post_run_cell", after)
    shell.register_magic_function(smog_test, magic_kind="line", magic_name="smog_test")
    _complete(shell, memory)
    return memory


def _complete(shell: Any, memory: Memory) -> None:
    """Names of the cloud inside strings: `cloud.guest("w<Tab>`."""
    try:
        from IPython.core.completer import SimpleCompletion, context_matcher
    except ImportError:
        return  # IPython before 8.6 has no matchers of one's own.

    @context_matcher()  # type: ignore[untyped-decorator, unused-ignore]
    def names_of_the_cloud(context: Any) -> Any:
        line = context.text_until_cursor
        begun = re.split(r"[\"']", line)[-1]
        found = [SimpleCompletion(name, type="name") for name in names_for(line, memory.names)]
        return {"completions": found, "matched_fragment": begun, "suppress": bool(found)}

    shell.Completer.custom_matchers.append(names_of_the_cloud)


def _of(names: dict[str, Any]) -> Memory | None:
    """The session that `smog shell` has begun for these names."""
    try:
        memory = current()
    except ArgumentError:
        return None
    return memory if memory.names.get("save_test") is names.get("save_test") else None
