"""Changes to a piece of source text by the places of its syntax tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

__all__ = ["Edits"]


@dataclass
class Edits:
    """A text, and what is put in the place of parts of it."""

    text: str
    changes: list[tuple[int, int, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._raw = self.text.encode()
        self._lines = [0]
        for line in self._raw.split(b"\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends, in bytes."""
        first = self._lines[node.lineno - 1] + node.col_offset  # type: ignore[attr-defined]
        return first, self._lines[node.end_lineno - 1] + node.end_col_offset  # type: ignore[attr-defined]

    def replace(self, node: ast.AST, text: str) -> None:
        """Put a text in a node's place; changes inside it no longer count."""
        first, last = self.span(node)
        self.changes = [one for one in self.changes if not (first <= one[0] and one[1] <= last)]
        self.changes.append((first, last, text))

    def wrap(self, node: ast.AST, before: str, after: str) -> None:
        """Put texts around a node."""
        first, last = self.span(node)
        self.changes += [(first, first, before), (last, last, after)]

    def of(self, node: ast.AST) -> str:
        """The node's text as it is after the changes inside it."""
        first, last = self.span(node)
        raw = self._raw[first:last]
        inside = [one for one in self.changes if first <= one[0] and one[1] <= last]
        for begin, end, text in sorted(inside, key=lambda one: one[:2], reverse=True):
            raw = raw[: begin - first] + text.encode() + raw[end - first :]
        return raw.decode()
