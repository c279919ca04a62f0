"""Statements of a prompt as the lines of a test's body.

What was made gets a name of its own and is deleted after the test, names and ids of it become
attributes of its variable, and what the prompt showed is a place for an assertion.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field

from .edits import Edits
from .facts import Fact
from .memory import Memory, Statement, looked_nodes, printed_arguments
from .redact import HIDDEN

__all__ = ["Body", "Line", "Proposal", "body_of"]

#: Methods of a cloud that make a thing, whose first argument is its name.
_MAKERS = {
    "create_flavor", "create_aggregate", "create_aggregate_pair", "create_key_pair", "import_key_pair", "create_server_group",
    "create_security_group", "create_project", "create_user", "upload_image", "fetch_image",
}  # fmt: skip
#: Methods of a cloud whose result has to be ended.
_ENDED = {"environment", "monitor", "watch"}
#: Methods of a `BaseStack` that make a thing (it deletes it itself), and the place of its name.
_STACK_MAKERS = {
    "boot_instance": 2, "boot_instances": 2, "create_flavor": 0, "create_host_aggregate": 0, "create_server_group": 0,
    "create_aggregate_groups": 0,
}  # fmt: skip
_KINDS = {"Guest": "guest", "Flavor": "flavor", "Aggregate": "aggregate", "KeyPair": "key_pair", "ServerGroup": "group"}


@dataclass
class Proposal:
    """An assertion about something that was looked at."""

    number: int
    line: int
    text: str


@dataclass
class Line:
    """A line of the body (or several, of one statement); an assertion knows its proposal."""

    text: str
    proposal: Proposal | None = None
    #: What stands here when the assertion is not wanted.
    otherwise: str | None = None


@dataclass
class Body:
    """A test's body, before it is decided which assertions are wanted."""

    lines: list[Line] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    proposals: list[Proposal] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    #: Things of the cloud that were found and not made: (line, method, name).
    found: list[tuple[int, str, str]] = field(default_factory=list)

    def text(self, kept: set[int]) -> str:
        """The lines, with these assertions only."""
        out = []
        for line in self.lines:
            if line.proposal is None or line.proposal.number in kept:
                out.append(line.text)
            elif line.otherwise is not None:
                out.append(line.otherwise)
        return "\n".join(out)


def body_of(statements: list[Statement], memory: Memory, hosts: set[str]) -> Body:
    """The body of a test that does what these statements did."""
    body = Body()
    writer = _Writer(body, memory, hosts)
    for one in statements:
        writer.statement(one)
    if HIDDEN in body.text({one.number for one in body.proposals}):
        body.imports.append("import os")
        body.notices.append("a secret was typed and is not kept: the test takes it from the variable SMOG_TEST_SECRET")
        for line in body.lines:
            for quote in "\"'":
                line.text = line.text.replace(f"{quote}{HIDDEN}{quote}", 'os.environ["SMOG_TEST_SECRET"]')
    return body


class _Writer:
    def __init__(self, body: Body, memory: Memory, hosts: set[str]) -> None:
        self.body, self.memory, self.hosts = body, memory, hosts
        #: Names and ids of made things: what they are called in the test.
        self.known: dict[str, str] = {}
        #: Volatile values that were looked at: expression -> (variable, value).
        self.before: dict[str, tuple[str, object]] = {}
        self.variables: set[str] = set()
        self.clouds: set[str] = {"cloud"}
        self.defined: set[str] = set()

    def statement(self, one: Statement) -> None:
        """One statement, with all that comes of it."""
        self.body.comments += re.findall(r"(?m)(?:^|\s)#+\s*(.+)$", one.text) if "#" in one.text else []
        tree = one.tree
        edits = Edits(one.text)
        change = _Changes(edits, one, self)
        for node in tree.body:
            change.visit(node)
        nodes = looked_nodes(tree)
        wrapped = one.error is not None
        for node in tree.body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self.body.imports.append(ast.unparse(node))
                self.defined |= {(name.asname or name.name).partition(".")[0] for name in node.names}
                continue
            if _is_login(node):
                self.clouds |= {target.id for target in node.targets if isinstance(target, ast.Name)}  # type: ignore[attr-defined]
                if node.value.args or node.value.keywords:  # type: ignore[attr-defined]
                    self.body.notices.append(f"line {one.number} logs in its own way: the test uses the fixture `cloud`")
                continue
            if wrapped and node is tree.body[-1]:
                self.body.imports.append("import pytest" if "." not in (one.error_type or "") else "import pytest\nimport smog")
                text = _tidy(node, edits)
                self.body.lines.append(Line(f"with pytest.raises({one.error_type}):\n" + _indented(text)))
                continue
            if isinstance(node, ast.Expr):
                self._expression(one, node, nodes.index(node), edits, "")
            elif isinstance(node, ast.With) and any(inner in nodes for inner in ast.walk(node)):
                self._with(one, node, nodes, edits, "")
            else:
                self.body.lines.append(Line(_tidy(node, edits)))
        for thing in one.things:
            if thing.variable and thing.kind in _KINDS and change.makes:
                self.remember(thing.variable, thing.name, thing.id)
            if thing.variable:
                self.variables.add(thing.variable)

    def remember(self, variable: str, name: str, identity: str | None) -> None:
        """From here on this name and id are attributes of a variable."""
        if len(name) > 1:
            self.known[name] = f"{variable}.name"
        if identity and len(identity) > 8:
            self.known[identity] = f"{variable}.id"

    def _with(self, one: Statement, node: ast.With, nodes: list[ast.Expr], edits: Edits, indent: str) -> None:
        head = ", ".join(
            edits.of(item.context_expr) + (f" as {ast.unparse(item.optional_vars)}" if item.optional_vars else "") for item in node.items
        )
        self.body.lines.append(Line(f"{indent}with {head}:"))
        for inner in node.body:
            if isinstance(inner, ast.Expr):
                self._expression(one, inner, nodes.index(inner), edits, indent + "    ")
            elif isinstance(inner, ast.With):
                self._with(one, inner, nodes, edits, indent + "    ")
            else:
                self.body.lines.append(Line(_indented(_tidy(inner, edits), indent + "    ")))

    def _expression(self, one: Statement, node: ast.Expr, number: int, edits: Edits, indent: str) -> None:
        looks = [look for look in one.looks if look.node == number]
        arguments = printed_arguments(node)
        text = _tidy(node, edits)
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            self.body.comments.append(node.value.value.strip())
            return
        made = text.startswith(("boot(", "made(")) and one.things and not one.things[0].variable
        if made:
            thing = one.things[0]
            variable = self._fresh(_KINDS.get(thing.kind, "thing"))
            self.body.lines.append(Line(f"{indent}{variable} = {text}"))
            self.remember(variable, thing.name, thing.id)
            text = variable
        asks = isinstance(node.value, (ast.Call, ast.Await)) and arguments is None
        lines: list[Line] = []
        for look in looks:
            shown = text if look.argument is None else edits.of((arguments or [])[look.argument])
            for fact in look.facts:
                line = self._assertion(one, shown, fact, indent)
                if line:
                    lines.append(line)
        if asks and not made and not any(line.proposal and "assert" in line.text for line in lines):
            self.body.lines.append(Line(f"{indent}{text}"))
        elif asks and not made:
            first = next(line for line in lines if line.proposal)
            first.otherwise = f"{indent}{text}"
        elif arguments is not None and not lines:
            calls = [edits.of(argument) for argument in arguments if isinstance(argument, ast.Call)]
            self.body.lines += [Line(f"{indent}{call}") for call in calls]
        elif indent and not lines:
            self.body.lines.append(Line(f"{indent}pass"))
        self.body.lines += lines

    def _assertion(self, one: Statement, shown: str, fact: Fact, indent: str) -> Line | None:
        atom = shown if re.fullmatch(r"[\w.]+|[\w.]+(\(.*\)|\[.*\])[\w.()]*", shown, re.S) else f"({shown})"
        expression = shown if fact.template == "{}" else fact.template.replace("{}", atom)
        value = fact.value
        volatile = fact.volatile
        if isinstance(value, str) and value in self.known:
            expected = self.known[value]
            return None if expected == expression else self._propose(one, f"{expression} == {expected}", indent)
        if isinstance(value, str) and value in self.hosts:
            volatile = "the host that was chosen"
        if volatile:
            earlier = self.before.get(expression)
            if earlier is not None:
                variable, was = earlier
                return self._propose(one, f"{expression} {'==' if was == value else '!='} {variable}", indent)
            variable = self._fresh(_before_name(expression))
            self.before[expression] = (variable, value)
            # Kept only when a later look compares with it: see `save`.
            return Line(f"{indent}{variable} = {expression}")
        if not any(isinstance(node, ast.Name) for node in ast.walk(ast.parse(expression))):
            return None  # A calculation says nothing about a cloud.
        if fact.template == "{}" and isinstance(value, bool) and _is_comparison(shown):
            return self._propose(one, shown if value else f"not ({shown})", indent)
        left = f"({expression})" if _is_comparison(expression) else expression
        return self._propose(one, f"{left} {fact.relation} {literal(value)}", indent)

    def _propose(self, one: Statement, text: str, indent: str) -> Line | None:
        if any(known.text == text and known.line == one.number for known in self.body.proposals):
            return None
        proposal = Proposal(len(self.body.proposals) + 1, one.number, text)
        self.body.proposals.append(proposal)
        return Line(f"{indent}assert {text}", proposal)

    def _fresh(self, base: str) -> str:
        taken = self.variables | set(self.memory.names) | {"cloud", "made", "boot", "unique", "thrown"}
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        self.variables.add(name)
        return name


class _Changes(ast.NodeVisitor):
    """Finds what has to be changed in one statement."""

    def __init__(self, edits: Edits, one: Statement, writer: _Writer) -> None:
        self.edits, self.one, self.writer = edits, one, writer
        self.makes = False
        self._assigned: set[ast.expr] = set()
        self._names: set[ast.AST] = set()

    def _kind(self, node: ast.expr) -> str:
        if isinstance(node, ast.Name):
            return self.one.kinds.get(node.id, "Cloud" if node.id in self.writer.clouds else "")
        if isinstance(node, ast.Attribute) and node.attr == "cloud":
            return "Cloud"
        return ""

    def visit_Assign(self, node: ast.Assign) -> None:
        self._assigned.add(node.value)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        func = node.func
        method = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
        of = self._kind(func.value) if isinstance(func, ast.Attribute) else ""
        prompt_boot = isinstance(func, ast.Name) and method == "boot" and "boot" in self.writer.memory.given
        if (of == "Cloud" and method == "boot") or prompt_boot:
            self.edits.replace(func, "boot")
            self._names.add(func)
            self._unique(node, 0, "name")
            self.makes = True
        elif of == "Cloud" and method in _MAKERS:
            self._unique(node, 0, "spec" if method == "create_flavor" else "name")
            self.edits.wrap(node, "made(", ")")
            self.makes = True
        elif of == "Cloud" and method in _ENDED and node in self._assigned:
            self.edits.wrap(node, "made(", ")")
        elif of == "BaseStack" and method in _STACK_MAKERS:
            self._unique(node, _STACK_MAKERS[method], "name")
            self.makes = True
        elif method == "FlavorSpec":
            self._unique(node, 0, "name")
            if isinstance(func, ast.Name):
                self.edits.replace(func, "smog.FlavorSpec")
                self._names.add(func)
                self.writer.body.imports.append("import smog")
        elif isinstance(func, ast.Name) and self.one.kinds.get(func.id, "").startswith("class "):
            self.edits.replace(node, f"made({method}(cloud=cloud))")
            self._import_given(func.id)
            return
        elif method == "connect" and ast.unparse(func) == "smog.connect":
            self.edits.replace(node, "cloud")
            return
        elif of == "Cloud" and method in ("guest", "server", "flavor", "image", "network", "aggregate"):
            self._found(node.args[0] if node.args else None, method)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if self._is_guests(node.value):
            self._found(node.slice, "guest")
        self.generic_visit(node)

    def _is_guests(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name) and node.id == "guests":
            return True
        return isinstance(node, ast.Attribute) and node.attr == "guests" and self._kind(node.value) == "Cloud"

    def _found(self, asked: ast.expr | None, method: str) -> None:
        if self.one.error is None and isinstance(asked, ast.Constant) and isinstance(asked.value, str) and asked.value not in self.writer.known:
            self.writer.body.found.append((self.one.number, method, asked.value))

    def _unique(self, call: ast.Call, place: int, keyword: str) -> None:
        """The name that a thing is given becomes one of the test's own."""
        named = [one.value for one in call.keywords if one.arg == keyword]
        argument = named[0] if named else call.args[place] if len(call.args) > place else None
        if argument is None or isinstance(argument, (ast.Starred, ast.Call)):
            return
        if isinstance(argument, ast.Name) and self.one.kinds.get(argument.id) in ("FlavorSpec",):
            return
        self._names.add(argument)
        self.edits.wrap(argument, "unique(", ")")

    def visit_Constant(self, node: ast.Constant) -> None:
        if node not in self._names and isinstance(node.value, str) and node.value in self.writer.known:
            self.edits.replace(node, self.writer.known[node.value])

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """Parts of an f-string have no places of their own before Python 3.12."""

    def visit_Name(self, node: ast.Name) -> None:
        if node in self._names or not isinstance(node.ctx, ast.Load):
            return
        given = self.writer.memory.given
        typed = self.writer.defined | self.writer.variables
        if node.id in self.writer.clouds and node.id != "cloud":
            self.edits.replace(node, "cloud")
        elif node.id in ("hosts", "guests") and node.id in given and node.id not in typed:
            self.edits.replace(node, f"cloud.{node.id}")
        elif node.id == "smog":
            self.writer.body.imports.append("import smog")
        elif node.id in given and node.id not in typed:
            self._import_given(node.id)

    def _import_given(self, name: str) -> None:
        """A name that the prompt of a module had: `python -i -m smog.tests.numa`."""
        if name in self.writer.defined or name in ("cloud", "boot", "FlavorSpec", "print"):
            return
        value = self.writer.memory.given.get(name, self.writer.memory.names.get(name))
        module = self.writer.memory.given.get("__name__") and self.writer.memory.names.get("__smog_module__")
        module = module or getattr(value, "__module__", None)
        if module and module not in ("builtins", "__main__"):
            self.writer.body.imports.append(f"from {module} import {name}")


def literal(value: object) -> str:
    """A plain value as it is written in source, with double quotes."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False) if value.isprintable() else repr(value)
    if type(value) is list:
        return f"[{', '.join(map(literal, value))}]"
    if type(value) is tuple:
        return f"({', '.join(map(literal, value))}{',' if len(value) == 1 else ''})"
    if type(value) is dict:
        return "{" + ", ".join(f"{literal(key)}: {literal(one)}" for key, one in value.items()) + "}"
    if type(value) is set and value:
        return "{" + ", ".join(sorted(map(literal, value))) + "}"
    return repr(value)


def _is_login(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func) in ("smog.connect", "connect")
    )


def _is_comparison(text: str) -> bool:
    try:
        return isinstance(ast.parse(text, mode="eval").body, (ast.Compare, ast.BoolOp, ast.UnaryOp))
    except SyntaxError:
        return False


def _before_name(expression: str) -> str:
    words = re.findall(r"[A-Za-z_]\w*", re.sub(r"\(.*?\)", "", expression))
    words = [word for word in words if word not in ("name", "now", "domain")] or ["value"]
    return "_".join(words[-2:]).strip("_") + "_before"


def _tidy(node: ast.stmt, edits: Edits) -> str:
    """A statement's text; rewritten where indenting it would change a text in it."""
    text = edits.of(node)
    lines = any(
        isinstance(one, (ast.Constant, ast.JoinedStr)) and (one.end_lineno or one.lineno) > one.lineno for one in ast.walk(node)
    )
    if lines:
        return ast.unparse(ast.parse(text))
    return text


def _indented(text: str, indent: str = "    ") -> str:
    return "\n".join(indent + line if line.strip() else line for line in text.split("\n"))
