"""How things are shown: lists as tables, and the progress of long calls."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable
from typing import Any, Protocol, SupportsIndex, TypeVar, overload

from ._smog import html_table, text_table

__all__ = ["Listing", "SupportsWrite"]

T = TypeVar("T")

#: More rows than these are only counted.
MOST_ROWS = 20


class SupportsWrite(Protocol):
    """A file to write to."""

    def write(self, text: str, /) -> object:
        """Take a text."""

    def flush(self) -> object:
        """Let it be seen."""


class Listing(list[T]):
    """A list that shows itself as a table, at the prompt and in notebooks.

    >>> cloud.flavors()
    NAME     VCPUS  RAM      DISK
    m1.tiny  1      512 MiB  1 GiB
    """

    #: Hosts that could not be asked for this list, each with the reason.
    problems: list[tuple[str, str]]
    #: Domains on hosts that belong to no server, a sentence each (`cloud.discover()`).
    strangers: list[str]
    #: What libvirt says that contradicts Nova, a sentence each (`cloud.discover()`).
    contradictions: list[str]

    #: What several of its items are called ("servers"), which an empty list shows; "" when unknown.
    what: str

    def __init__(self, items: Iterable[T] = (), what: str = "") -> None:
        super().__init__(items)
        self.what = what
        self.problems = []
        self.strangers = []
        self.contradictions = []

    def _rows(self) -> list[list[tuple[str, str]]]:
        return [item._row() for item in list(self)[:MOST_ROWS]]  # type: ignore[attr-defined]

    def _empty(self) -> str:
        return f"no {self.what}" if self.what else "[]"

    def __repr__(self) -> str:
        lines = [text_table(self._rows(), max(0, len(self) - MOST_ROWS)) if self else self._empty()]
        lines += [f"{host} was not asked: {why}" for host, why in self.problems]
        lines += self.contradictions
        lines += [said for said in self.strangers if said not in self.contradictions]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        if not self:
            return f"<p>{self._empty()}</p>"
        return html_table(self._rows(), max(0, len(self) - MOST_ROWS))

    @overload
    def __getitem__(self, place: SupportsIndex, /) -> T: ...
    @overload
    def __getitem__(self, place: slice[Any, Any, Any], /) -> Listing[T]: ...
    @overload
    def __getitem__(self, place: str, /) -> T: ...

    def __getitem__(self, place: Any, /) -> Any:
        """By number, by slice, or by name: `guests["web"]`."""
        if isinstance(place, str):
            from .errors import AmbiguityException, NotFound

            found = [item for item in self if str(item) == place or getattr(item, "id", None) == place]
            if len(found) == 1:
                return found[0]
            if not found:
                from ._smog import near

                names = [str(item) for item in self]
                alike = near(place, names)
                hint = f"did you mean {', '.join(f'`{name}`' for name in alike)}?" if alike else None
                raise NotFound(f"no `{place}` in this list", what="item", name=place, near=alike, hint=hint)
            ids = [str(getattr(item, "id", item)) for item in found]
            raise AmbiguityException(
                f"{len(found)} are called `{place}`: {', '.join(ids)}", what="item", name=place, ids=ids, hint="use an id"
            )
        found = super().__getitem__(place)
        return type(self)(found, self.what) if isinstance(place, slice) else found

    def _ipython_key_completions_(self) -> list[str]:
        return [str(item) for item in self]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Plain data, ready for `pandas.DataFrame` or `json.dumps`."""
        return [item.to_dict() for item in self]  # type: ignore[attr-defined]


class _Line:
    """The one line of progress: on a terminal, or in a notebook's output."""

    def __init__(self) -> None:
        self.handle: Any = None
        self.notebook: bool | None = None

    def is_notebook(self) -> bool:
        if self.notebook is None:
            shell = sys.modules.get("IPython")
            instance = shell.get_ipython() if shell else None
            self.notebook = type(instance).__name__ == "ZMQInteractiveShell"
        return self.notebook

    def show(self, text: str | None, seconds: float) -> None:
        if self.is_notebook():
            display: Any = sys.modules["IPython.display"].__dict__["display"]
            shown = {"text/plain": f"{text} ({seconds:.0f} s)" if text else f"done in {seconds:.1f} s"}
            if self.handle is None:
                self.handle = display(shown, raw=True, display_id=True)
            else:
                self.handle.update(shown, raw=True)
            if text is None:
                self.handle = None
        elif sys.stderr is not None and sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{text} ({seconds:.0f} s)" if text else "\r\x1b[K")
            sys.stderr.flush()


_line = _Line()


def _progress(text: str | None, seconds: float) -> None:
    """Called by the core while a call goes on; `None` when it has ended."""
    if threading.current_thread() is threading.main_thread():
        _line.show(text, seconds)
