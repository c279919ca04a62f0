"""What a session remembers: statements, what they made and asked for, and what was looked at.

It is kept in this process only. Texts and values pass `redact` before they are kept.
"""

from __future__ import annotations

import ast
import builtins
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .._smog import ApiCall, Cloud
from ..display import Listing
from ..errors import SmogError
from .facts import Fact, facts, facts_of
from .redact import HIDDEN, is_secret_name, redact

__all__ = ["Call", "Look", "Memory", "Statement", "Thing", "calls_after", "looked_nodes", "printed_arguments"]

#: So many characters of what was shown are kept.
_MOST_SHOWN = 2000


@dataclass(frozen=True)
class Call:
    """One API call that a statement asked for."""

    method: str
    path: str
    status: int | None
    request_id: str | None
    seconds: float


@dataclass(frozen=True)
class Thing:
    """An object of the cloud that a statement gave a name to, or showed."""

    variable: str | None
    kind: str
    name: str
    id: str | None


@dataclass
class Look:
    """A value the person looked at: echoed by the prompt, or printed."""

    #: The number of the expression in `looked_nodes`, and of the argument when it was printed.
    node: int
    argument: int | None
    shown: str
    facts: list[Fact]


@dataclass
class Statement:
    """What was typed in one go, with its number at the prompt."""

    number: int
    text: str
    began: float
    seconds: float = 0.0
    error: str | None = None
    error_type: str | None = None
    calls: list[Call] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    #: Types of the objects behind the names it uses: {"guest": "Guest"}.
    kinds: dict[str, str] = field(default_factory=dict)
    #: (name, URL) of the clouds it spoke with.
    clouds: set[tuple[str, str]] = field(default_factory=set)
    echoed: list[Any] = field(default_factory=list, repr=False)
    printed: list[tuple[Any, ...]] = field(default_factory=list, repr=False)

    @property
    def tree(self) -> ast.Module:
        """The statement, parsed; empty when it cannot be."""
        try:
            return ast.parse(self.text)
        except (SyntaxError, ValueError):
            return ast.Module([], [])

    def _row(self) -> list[tuple[str, str]]:
        first, *more = self.text.strip().split("\n")
        return [
            ("line", str(self.number)),
            ("typed", first + (" …" if more else "")),
            ("asked", f"{len(self.calls)} call{'s' * (len(self.calls) != 1)}, {self.seconds:.1f} s" if self.calls else ""),
            ("became", self.error_type or ", ".join(one.name for one in self.things)),
        ]

    def __str__(self) -> str:
        return str(self.number)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "number": self.number,
            "text": self.text,
            "began": self.began,
            "seconds": self.seconds,
            "error": self.error,
            "calls": [vars(call) for call in self.calls],
            "things": [vars(thing) for thing in self.things],
            "looks": [{"shown": look.shown, "facts": [str(fact) for fact in look.facts]} for look in self.looks],
        }


class Memory:
    """The session: what was typed at this prompt, newest last."""

    def __init__(self, names: dict[str, Any], login: dict[str, str] | None = None) -> None:
        #: The prompt's names, and those it had before anything was typed.
        self.names = names
        self.given = dict(names)
        #: How the prompt logged in, for tests that are run: options of the pytest plugin by name.
        self.login = login or {}
        self.statements: list[Statement] = []
        self._open: Statement | None = None
        self._before: dict[int, list[ApiCall]] = {}

    def history(self) -> Listing[Statement]:
        """What was typed, with the numbers that `save_test(lines=…)` takes. Nothing is asked."""
        return Listing(self.statements)

    @contextmanager
    def statement(self, text: str) -> Iterator[Statement]:
        """Remember what goes on inside as one statement."""
        began = self.begin(text)
        try:
            yield began
        finally:
            self.end()

    def begin(self, text: str) -> Statement:
        """A statement begins."""
        after = self.statements[-1].number if self.statements else 0
        one = Statement(after + 1, redact(text.rstrip()), time.time())
        self._before = {id(cloud): cloud.calls for cloud in self._clouds()}
        self._open = one
        return one

    def echo(self, value: Any) -> None:
        """The prompt shows a value (also `None`, which it does not print)."""
        if self._open is not None:
            # What it says now: objects change.
            self._open.echoed.append(_Seen(value))

    def print(self, *values: Any, **keywords: Any) -> None:
        """Python's own `print`, which is remembered."""
        if self._open is not None:
            self._open.printed.append(tuple(_Seen(value) for value in values))
        builtins.print(*values, **keywords)

    def failed(self, error: BaseException) -> None:
        """The statement ended in an exception."""
        if self._open is not None:
            kind = type(error)
            in_smog = isinstance(error, SmogError)
            self._open.error_type = f"smog.{kind.__name__}" if in_smog else kind.__name__
            self._open.error = redact(str(error)[:_MOST_SHOWN])

    def end(self, number: int | None = None) -> None:
        """The statement has ended: join what came of it. `number` is the prompt's own."""
        one, self._open = self._open, None
        if one is None:
            return
        one.number = one.number if number is None else number
        one.seconds = time.time() - one.began
        try:
            self._join(one)
        finally:
            one.echoed, one.printed = [], []
        if one.text.strip():
            self.statements.append(one)

    def _clouds(self) -> list[Cloud]:
        found = {id(one): one for one in list(self.names.values()) if isinstance(one, Cloud)}
        for value in list(self.names.values()):
            cloud = getattr(value, "_cloud", None)
            if isinstance(cloud, Cloud):
                found[id(cloud)] = cloud
        return list(found.values())

    def _join(self, one: Statement) -> None:
        tree = one.tree
        for cloud in self._clouds():
            new = calls_after(self._before.get(id(cloud), []), cloud.calls)
            one.calls += [Call(c.method, redact(c.path), c.status, c.request_id, c.elapsed_s) for c in new]
            if new:
                one.clouds.add((cloud.name, cloud.auth_url))
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and node.id in self.names:
                value = self.names[node.id]
                one.kinds[node.id] = _kind(value)
                if isinstance(node.ctx, ast.Store) and (thing := _thing(node.id, value)):
                    one.things.append(thing)
        nodes = looked_nodes(tree)
        prints = [number for number, node in enumerate(nodes) if printed_arguments(node) is not None]
        if len(nodes) == len(one.echoed):
            for number, (node, seen) in enumerate(zip(nodes, one.echoed)):
                if number not in prints and seen.value_is_shown:
                    self._look(one, number, None, ast.unparse(node.value), seen)
                    if not one.things and seen.thing:
                        one.things.append(seen.thing)
        elif one.echoed and nodes and one.echoed[-1].value_is_shown and len(one.echoed) == 1:
            # IPython shows the last expression only.
            self._look(one, len(nodes) - 1, None, ast.unparse(nodes[-1].value), one.echoed[0])
            if not one.things and one.echoed[0].thing:
                one.things.append(one.echoed[0].thing)
        if len(prints) == len(one.printed):
            for number, values in zip(prints, one.printed):
                arguments = printed_arguments(nodes[number]) or []
                if len(arguments) == len(values):
                    for place, (argument, seen) in enumerate(zip(arguments, values)):
                        if not isinstance(argument, ast.Constant):
                            self._look(one, number, place, ast.unparse(argument), seen)

    def _look(self, one: Statement, node: int, argument: int | None, text: str, seen: _Seen) -> None:
        own: set[str | None] = {call.request_id for each in [*self.statements, one] for call in each.calls}
        shown = HIDDEN if is_secret_name(text) else seen.shown
        one.looks.append(Look(node, argument, shown, facts_of(text, seen.facts, own)))


class _Seen:
    """What a value said when it was shown."""

    def __init__(self, value: Any) -> None:
        self.value_is_shown = value is not None
        self.thing = _thing(None, value)
        try:
            self.shown = redact(repr(value))[:_MOST_SHOWN]
        except Exception as why:  # a repr of any kind of object
            self.shown = f"<{type(value).__name__}: {why}>"
        self.facts = facts(value)


def looked_nodes(tree: ast.Module) -> list[ast.Expr]:
    """The expressions that a prompt shows, in order: at the top, and in `with` blocks."""

    def walk(body: list[ast.stmt]) -> Iterator[ast.Expr]:
        for node in body:
            if isinstance(node, ast.Expr):
                yield node
            elif isinstance(node, ast.With):
                yield from walk(node.body)

    return list(walk(tree.body))


def printed_arguments(node: ast.Expr) -> list[ast.expr] | None:
    """The arguments of `print(…)`, or `None` when it is something else."""
    call = node.value
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "print":
        return None if any(isinstance(one, ast.Starred) for one in call.args) else call.args
    return None


def _kind(value: Any) -> str:
    from ..tests.base import BaseStack

    if isinstance(value, type):
        return f"class {value.__name__}" if issubclass(value, BaseStack) else "class"
    return "BaseStack" if isinstance(value, BaseStack) else type(value).__name__


def _thing(variable: str | None, value: Any) -> Thing | None:
    from .. import _smog

    if isinstance(value, tuple) and value:
        value = value[0]
    kinds = (_smog.Guest, _smog.Flavor, _smog.Aggregate, _smog.KeyPair, _smog.ServerGroup, _smog.Image)
    if isinstance(value, (*kinds, _smog.Project, _smog.User, _smog.Server)):
        identity = getattr(value, "id", None)
        return Thing(variable, type(value).__name__, str(value.name), str(identity) if identity is not None else None)
    return None


def calls_after(before: list[ApiCall], calls: list[ApiCall]) -> list[ApiCall]:
    """The calls that came since: a cloud remembers the last ones only."""
    was, now = _keys(before), _keys(calls)
    for shift in range(len(was) + 1):
        kept = was[shift:]
        if now[: len(kept)] == kept:
            return calls[len(kept) :]
    return calls


def _keys(calls: list[ApiCall]) -> list[tuple[str, str, str | None]]:
    return [(call.method, call.path, call.request_id) for call in calls]
