"""Python's own prompt, remembered."""

from __future__ import annotations

import code
import sys
from typing import Any

from .memory import Memory

__all__ = ["Console", "interact"]


class Console(code.InteractiveConsole):
    """A prompt that remembers each statement, what it showed and how it ended."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(memory.names)
        self.memory = memory

    def runsource(self, source: str, filename: str = "<input>", symbol: str = "single") -> bool:
        """Run what was typed, or say that more must come."""
        try:
            compiled = self.compile(source, filename, symbol)
        except (OverflowError, SyntaxError, ValueError):
            self.showsyntaxerror(filename)
            return False
        if compiled is None:
            return True
        if not source.strip():
            return False
        with self.memory.statement(source):
            self.runcode(compiled)
        return False

    def runcode(self, code: Any) -> None:
        """Run a statement; Ctrl-C ends it and gives the prompt back."""
        try:
            exec(code, self.locals)
        except SystemExit:
            raise
        except KeyboardInterrupt as why:
            self.memory.failed(why)
            left = " ".join(getattr(why, "__notes__", []))
            self.write(f"\nKeyboardInterrupt{f': {left}' if left else ''}\n")
        except BaseException as why:
            self.memory.failed(why)
            self.showtraceback()


def interact(memory: Memory, banner: str) -> None:
    """The prompt, until Ctrl-D or `exit()`."""
    try:
        import readline

        from .complete import Completer

        completer = Completer(memory.names, lambda: readline.get_line_buffer()[: readline.get_endidx()])
        readline.set_completer(completer.complete)
        readline.parse_and_bind("tab: complete")
    except ImportError:
        pass  # A Python without readline has no completion.
    shown = sys.displayhook

    def show(value: Any) -> None:
        memory.echo(value)
        shown(value)

    sys.displayhook = show
    try:
        Console(memory).interact(banner, exitmsg="")
    except SystemExit:
        pass
    finally:
        sys.displayhook = shown
