"""Which statements become the test: those asked for, and those they need."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ..errors import ArgumentError
from .memory import Memory, Statement

__all__ = ["Chosen", "choose", "numbers_of"]

#: Statements about the session itself are never part of a test.
_OF_THE_SESSION = {"save_test", "history", "help", "exit", "quit", "dir"}


@dataclass
class Chosen:
    """Statements in the order they were typed, and what has to be said about the choice."""

    statements: list[Statement]
    notices: list[str] = field(default_factory=list)


def numbers_of(lines: str | int | Iterable[int] | None, known: list[int]) -> list[int] | None:
    """`"4-12"`, `"3,5-7"`, `"4-"`, a number or numbers. Raises `ArgumentError` for what is not there."""
    if lines is None:
        return None
    there = f"there are {known[0]} to {known[-1]}" if known else "nothing was typed yet"
    wanted: list[int] = []
    if not isinstance(lines, (str, int)):
        lines = ",".join(str(number) for number in lines)
    for part in str(lines).split(","):
        found = re.fullmatch(r"\s*(\d+)\s*(?:(-|:|\.\.)\s*(\d*))?\s*", part)
        if not found:
            raise ArgumentError(f"lines `{lines}`: `{part.strip()}` is neither a line nor a range", hint='such as lines="4-12" or lines="3,5-7"')
        first = int(found[1])
        last = first if not found[2] else int(found[3]) if found[3] else max([first, *known])
        if last < first:
            raise ArgumentError(f"lines `{lines}`: {last} is before {first}")
        inside = [number for number in known if first <= number <= last]
        for end in (first, last):
            if end not in known:
                raise ArgumentError(f"lines `{lines}`: there is no line {end}; {there}", hint="`history()` shows the lines with their numbers")
        wanted += [number for number in inside if number not in wanted]
    return sorted(wanted)


def choose(memory: Memory, lines: str | int | Iterable[int] | None, *, raises: bool) -> Chosen:
    """The statements for a test.

    Raises `ArgumentError` for lines that are not there, that failed (unless `raises`), and for names
    that no line makes.
    """
    usable = [one for one in memory.statements if not _is_of_the_session(one)]
    known = [one.number for one in memory.statements]
    wanted = numbers_of(lines, known)
    chosen = Chosen([])
    if wanted is None:
        failed = [one for one in usable if one.error is not None and not raises]
        chosen.notices += [f"line {one.number} failed ({one.error_type}) and is left out" for one in failed]
        chosen.statements = [one for one in usable if one not in failed]
    else:
        chosen.statements = [one for one in usable if one.number in wanted]
        for one in chosen.statements:
            if one.error is not None and not raises:
                raise ArgumentError(
                    f"line {one.number} failed: {one.error_type}: {one.error.splitlines()[0] if one.error else ''}",
                    hint=f"leave line {one.number} out, or `raises=True` keeps its exception as what must happen",
                )
    if not any(_does_something(one) for one in chosen.statements):
        raise ArgumentError("no line of this choice does anything", hint="`history()` shows the lines with their numbers")
    _close(chosen, usable, memory)
    _one_cloud(chosen, memory)
    return chosen


def _does_something(one: Statement) -> bool:
    return any(not isinstance(node, (ast.Import, ast.ImportFrom)) for node in one.tree.body)


def _is_of_the_session(one: Statement) -> bool:
    text = one.text.strip()
    if text.startswith(("%", "!", "?")) or text.endswith("?"):
        return True
    nodes = one.tree.body
    if len(nodes) != 1 or not isinstance(nodes[0], (ast.Expr, ast.Assign)):
        return False
    value = nodes[0].value
    if isinstance(value, ast.Call):
        value = value.func
    return isinstance(value, ast.Name) and value.id in _OF_THE_SESSION


def stored(tree: ast.AST) -> set[str]:
    """The names that a statement gives a value to."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names |= {(one.asname or one.name).partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
    return names


def loaded(tree: ast.AST) -> set[str]:
    """The names that a statement uses."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _close(chosen: Chosen, usable: list[Statement], memory: Memory) -> None:
    """Add the statements that make what the chosen ones use."""
    added: list[Statement] = []
    again = True
    while again:
        again = False
        made: set[str] = set()
        for one in list(chosen.statements):
            tree = one.tree
            for name in sorted(loaded(tree) - made - (stored(tree) - loaded_first(tree))):
                before = [other for other in usable if other.number < one.number and name in stored(other.tree)]
                working = [other for other in before if other.error is None]
                if working and working[-1] not in chosen.statements:
                    chosen.statements.append(working[-1])
                    chosen.statements.sort(key=lambda other: other.number)
                    if working[-1] not in added:
                        added.append(working[-1])
                        chosen.notices.append(f"line {working[-1].number} is included: line {one.number} uses `{name}`")
                    again = True
                elif not working and before:
                    raise ArgumentError(
                        f"line {one.number} uses `{name}`, and line {before[-1].number}, which makes it, failed: {before[-1].error_type}",
                        hint=f"type line {before[-1].number} again so that it works, or leave line {one.number} out",
                    )
                elif not working and name not in memory.given and not hasattr(builtins, name):
                    raise ArgumentError(f"line {one.number} uses `{name}`, which no line makes", hint="choose other lines, or type the line that makes it")
            made |= stored(tree)
            if again:
                break


def loaded_first(tree: ast.AST) -> set[str]:
    """Names that an assignment uses on its right side, although it also gives them a value."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            names |= loaded(node.value)
        elif isinstance(node, ast.AugAssign):
            names |= {one.id for one in ast.walk(node.target) if isinstance(one, ast.Name)}
    return names


def _one_cloud(chosen: Chosen, memory: Memory) -> None:
    """All of it was typed to the cloud that `cloud` is now."""
    clouds: dict[tuple[str, str], list[int]] = {}
    for one in chosen.statements:
        for cloud in one.clouds:
            clouds.setdefault(cloud, []).append(one.number)
    said = {f"{name} at {url}": numbers for (name, url), numbers in clouds.items()}
    if len(said) > 1:
        parts = "; ".join(f"{cloud}: line {', '.join(map(str, numbers))}" for cloud, numbers in said.items())
        raise ArgumentError(f"these lines spoke to more than one cloud: {parts}", hint="choose lines of one cloud")
    now = memory.names.get("cloud")
    if said and now is not None and hasattr(now, "auth_url"):
        ((name, url),) = clouds
        if (name, url) != (now.name, now.auth_url):
            raise ArgumentError(
                f"these lines spoke to the cloud {name} at {url}, and `cloud` is now {now.name} at {now.auth_url}",
                hint="connect to that cloud again, or choose lines of this one",
            )
