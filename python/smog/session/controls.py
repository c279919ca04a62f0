"""A pytest plugin that tries each assertion of a test on a wrong value as well, while the test runs.

`save_test` runs a new test with it: `pytest -p smog.session.controls --smog-controls FILE test.py`. The
value that an assertion looks at is held against it twice: as it is, and changed. An assertion that holds
for both cannot fail. One whose value has nothing of the cloud in it cannot fail either.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import json
import textwrap
import types
from collections.abc import Callable
from typing import Any

import pytest

__all__ = ["watched"]

_METHODS: dict[str, type[ast.cmpop]] = {
    "assertEqual": ast.Eq, "assertNotEqual": ast.NotEq, "assertIs": ast.Is, "assertIn": ast.In,
}  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.getgroup("smog").addoption("--smog-controls", metavar="FILE", default=None, help="try assertions on wrong values, and write what came of it")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    path = config.getoption("--smog-controls")
    if not path:
        return
    for item in items:
        function = inspect.unwrap(getattr(item, "obj", None) or (lambda: None))
        function = getattr(function, "__func__", function)
        watched(function, path)


def watched(function: Any, path: str) -> None:
    """Give a function's assertions their negative controls; what came of each is appended to `path`."""

    def note(line: int, text: str, holds: bool, refuses: bool, depends: bool) -> None:
        with open(path, "a") as file:
            one = {"line": line, "text": text, "holds": holds, "refuses": refuses, "depends": depends}
            file.write(json.dumps(one) + "\n")

    def check(line: int, text: str, depends: bool, judge: Callable[[Any], bool], value: Any, other: Callable[[], Any] | None) -> None:
        holds = bool(judge(value))
        try:
            refuses = not judge(other() if other else _wrong(value))
        except Exception:
            refuses = True
        note(line, text, holds, refuses, depends)
        if not holds:
            raise AssertionError(f"assert {text}\nit is {value!r}")

    source = textwrap.dedent(inspect.getsource(function))
    tree = ast.parse(source)
    (definition,) = tree.body
    assert isinstance(definition, ast.FunctionDef)
    definition.decorator_list = []
    rewritten = _Rewriter(definition, function.__globals__).visit(definition)
    module = ast.fix_missing_locations(ast.Module([rewritten], []))
    ast.increment_lineno(module, function.__code__.co_firstlineno - 1)
    code = compile(module, function.__code__.co_filename, "exec")
    inner = next(one for one in code.co_consts if isinstance(one, types.CodeType))
    function.__globals__["__smog_check__"] = check
    function.__code__ = inner


def _wrong(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1
    if isinstance(value, str):
        return value + "-wrong"
    if isinstance(value, dict):
        return {**value, "wrong": "wrong"}
    if isinstance(value, (set, frozenset)):
        return value | {"wrong"}
    if isinstance(value, tuple):
        return (*value, "wrong")
    if isinstance(value, list):
        return [*value, "wrong"]
    return object()


class _Rewriter(ast.NodeTransformer):
    def __init__(self, definition: ast.FunctionDef, names: dict[str, Any]) -> None:
        self.outside = {name for name in names if isinstance(names[name], types.ModuleType)} | set(dir(builtins))
        #: Variables that were given nothing of the cloud.
        self.constant: set[str] = set()
        for node in ast.walk(definition):
            if isinstance(node, ast.Assign) and not self._depends(node.value):
                self.constant |= {one.id for one in node.targets if isinstance(one, ast.Name)}

    def _depends(self, node: ast.AST) -> bool:
        own = {one.id for part in ast.walk(node) if isinstance(part, ast.comprehension) for one in ast.walk(part.target) if isinstance(one, ast.Name)}
        names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
        return bool(names - own - self.outside - self.constant)

    def _call(self, node: ast.stmt, text: str, left: ast.expr, op: ast.cmpop | None, right: ast.expr | None) -> ast.Expr:
        it = ast.Name("_", ast.Load())
        judge = it if op is None or right is None else ast.Compare(it, [op], [right])
        empty = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        one = ast.arguments(posonlyargs=[], args=[ast.arg("_")], kwonlyargs=[], kw_defaults=[], defaults=[])
        other = ast.Lambda(empty, right) if isinstance(op, ast.NotEq) and right is not None else ast.Constant(None)
        arguments = [ast.Constant(node.lineno), ast.Constant(text), ast.Constant(self._depends(left) or (right is not None and self._depends(right))), ast.Lambda(one, judge), left, other]
        call = ast.Expr(ast.Call(ast.Name("__smog_check__", ast.Load()), arguments, []))
        return ast.copy_location(call, node)

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        test, text = node.test, ast.unparse(node.test)
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            return self._call(node, text, test.left, test.ops[0], test.comparators[0])
        return self._call(node, text, test, None, None)

    def visit_Expr(self, node: ast.Expr) -> ast.AST:
        call = node.value
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "self":
            method, arguments = call.func.attr, call.args
            if method in _METHODS and len(arguments) == 2:
                return self._call(node, ast.unparse(call), arguments[0], _METHODS[method](), arguments[1])
            if method == "assertTrue" and len(arguments) == 1:
                return self._call(node, ast.unparse(call), arguments[0], None, None)
        return node
