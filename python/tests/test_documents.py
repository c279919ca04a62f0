"""Every name of smog's that the documents and docstrings use is in the package."""

import ast
import importlib
import pathlib
import re
from collections.abc import Iterator

import pytest

import smog

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: What variables of documents are.
VARIABLES: dict[str, object] = {
    "smog": smog,
    "cloud": smog.Cloud,
    "guest": smog.Guest,
    "host": smog.Host,
    "watcher": smog.Watcher,
    "environment": smog.Environment,
}
#: Names that end a sentence, a file or an address rather than an attribute.
NO_NAMES = {"smog.yml", "smog.schema"}
#: What an object of the original gets only when it is made.
OF_OBJECTS = {"watcher.handler"}
NAME = re.compile(r"(?<![\w./`-])(" + "|".join(VARIABLES) + r")((?:\.[A-Za-z_]\w*)+)")


def documents() -> Iterator[pathlib.Path]:
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def code_of(text: str) -> Iterator[tuple[int, str]]:
    """Blocks of Python and what stands between backticks, with the line of each."""
    for found in re.finditer(r"```python\n(.*?)```|^(>>> .*)$|`([^`\n]+)`", text, re.S | re.M):
        code = found[1] or found[2] or found[3]
        yield text[: found.start()].count("\n") + 1, code


def is_there(path: list[str]) -> bool:
    value = VARIABLES[path[0]]
    for depth, name in enumerate(path[1:], 1):
        if not hasattr(value, name):
            if path[0] != "smog":
                return False
            try:
                value = importlib.import_module(".".join(path[: depth + 1]))
                continue
            except ImportError:
                return is_gone(value, name)
        value = getattr(value, name)
        if path[0] != "smog" or not (isinstance(value, type) or hasattr(value, "__path__") or hasattr(value, "__file__")):
            # What an attribute of an object has is seen only at run time.
            return True
    return True


def is_gone(value: object, name: str) -> bool:
    """Whether it is a name of the original that says what to use instead."""
    try:
        getattr(value, name)
    except AttributeError as error:
        return "is gone" in str(error)
    return False


def names(code: str) -> Iterator[list[str]]:
    for found in NAME.finditer(code):
        path = [found[1], *found[2].strip(".").split(".")]
        if ".".join(path[:2]) not in NO_NAMES | OF_OBJECTS:
            yield path


@pytest.mark.parametrize("document", list(documents()), ids=lambda path: path.name)
def test_names_in_documents(document: pathlib.Path) -> None:
    wrong = []
    for line, code in code_of(document.read_text()):
        if code.startswith(("smog ", "$ ")):
            continue
        wrong += [f"{document.name}:{line}: {'.'.join(path)}" for path in names(code) if not is_there(path)]
    assert wrong == []


def test_names_in_docstrings() -> None:
    wrong, seen = [], 0
    for file in sorted(pathlib.Path(smog.__file__).parent.rglob("*.py*")):
        if file.suffix not in (".py", ".pyi"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                continue
            for _, code in code_of(ast.get_docstring(node) or ""):
                for path in names(code):
                    seen += 1
                    if not is_there(path):
                        wrong.append(f"{file.name}: {'.'.join(path)}")
    assert seen > 5
    assert wrong == []


def test_keywords_in_documents() -> None:
    """Keywords of calls in blocks of Python, where the call's method is known."""
    signatures = keywords()
    wrong = []
    for document in documents():
        for line, code in code_of(document.read_text()):
            for found in re.finditer(r"\b(cloud|guest|host)\.(\w+)\(([^()]*)\)", code):
                known = signatures.get((found[1], found[2]))
                if known is None:
                    continue
                for keyword in re.findall(r"(?:^|, )(\w+)=", found[3]):
                    if keyword not in known and "**" not in known:
                        wrong.append(f"{document.name}:{line}: {found[1]}.{found[2]}({keyword}=)")
    assert wrong == []


def keywords() -> dict[tuple[str, str], set[str]]:
    """The keywords of each method of the stubs; `**` stands for any."""
    stubs = ast.parse((pathlib.Path(smog.__file__).parent / "_smog.pyi").read_text())
    found = {}
    for owner in stubs.body:
        if isinstance(owner, ast.ClassDef) and owner.name in ("Cloud", "Guest", "Host"):
            for method in owner.body:
                if isinstance(method, ast.FunctionDef):
                    args = [*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs]
                    names = {arg.arg for arg in args} | ({"**"} if method.args.kwarg else set())
                    found[owner.name.lower(), method.name] = names
    return found
