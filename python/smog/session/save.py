"""`save_test`: what was typed becomes a test that runs."""

from __future__ import annotations

import json
import keyword
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from .._smog import Cloud
from ..errors import ArgumentError, NotFound, SmogError
from .choose import choose
from .forms import pytest_form, unittest_form
from .memory import Memory
from .rewrite import Body, Line, Proposal, body_of

__all__ = ["FORMS", "Saved", "save"]

FORMS = ("pytest", "unittest")
_NO_EXCEPTION = "thrown() == []"
_PLACEHOLDER = "Say here what this shows, and why it must be so."


@dataclass
class Saved:
    """A test that was saved, and what came of its first run."""

    path: pathlib.Path
    #: The assertions in it, and those that were dropped.
    kept: list[str]
    dropped: list[str]
    notices: list[str]
    #: "passed", "failed", "skipped", or why it was not run.
    outcome: str
    seconds: float = 0.0
    #: Assertions that hold for a wrong value too.
    cannot_fail: list[str] = field(default_factory=list)
    refused: int = 0
    output: str = field(default="", repr=False)

    def __repr__(self) -> str:
        count = f"{len(self.kept)} assertion{'' if len(self.kept) == 1 else 's'}"
        ran = f"{self.outcome} in {self.seconds:.1f} s" if self.seconds else self.outcome
        lines = [f"{self.path}: {count}; {ran}"]
        if self.refused:
            lines.append(f"tried on a wrong value: {self.refused} of {self.refused + len(self.cannot_fail)} assertions failed, as they must")
        lines += [f"this assertion cannot fail: {text}" for text in self.cannot_fail]
        lines += [f"note: {notice}" for notice in self.notices]
        if self.outcome in ("failed", "skipped") or self.outcome.startswith("error"):
            lines += ["", *_essence(self.output), f"all of it: pytest {self.path}"]
        return "\n".join(lines)


def save(
    memory: Memory,
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
    ask: Callable[[str], str] | None = None,
    tell: Callable[[str], object] = print,
) -> Saved:
    """Write a test of what was typed, run it, and try its assertions on wrong values.

    `lines` are numbers of `history()`: "4-12", "3,5-7" (default: all that did not fail). Statements they
    need are added. `form` is "pytest" or "unittest" (in the style of 2015). `keep` says which of the
    proposed assertions are wanted: "all", "none", or their numbers; a person at a terminal is asked.
    `document` is the test's docstring (default: the comments that were typed). `raises=True` keeps
    statements that ended in an exception as what must happen. Raises `ArgumentError`.
    """
    name = _name(name)
    if form not in FORMS:
        raise ArgumentError(f"form `{form}`: not one of {', '.join(FORMS)}")
    path = pathlib.Path(folder) / f"{name}.py"
    _free(path, replace)
    chosen = choose(memory, lines, raises=raises)
    cloud = memory.names.get("cloud")
    cloud = cloud if isinstance(cloud, Cloud) else None
    body = body_of(chosen.statements, memory, _host_names(cloud))
    _still_there(body, cloud, memory)
    if form == "pytest" and not any(one.error for one in chosen.statements):
        _no_exception(body)
    kept = _kept(body.proposals, keep, ask, tell)
    code, unused = _without_unused(body, kept)
    document = document or _document(body, ask)
    if form == "pytest":
        text, config = pytest_form(name, code, body.imports, document, cloud.name if cloud else ""), None
    else:
        text, config = unittest_form(name, code, body.imports, document, cloud.name if cloud else "")
    compile(text, str(path), "exec")
    _write(path, text)
    if config is not None:
        _write(path.parent / "configs" / f"{name}.yml", config)
    saved = Saved(
        path,
        [one.text for one in body.proposals if one.number in kept],
        [one.text for one in body.proposals if one.number not in kept],
        [*chosen.notices, *body.notices, *unused],
        "not run",
    )
    if not saved.kept and not re.search(r"\bassert\b|pytest\.raises", code):
        saved.notices.append("nothing is asserted: the test fails only when a call does")
    if _PLACEHOLDER in text:
        saved.notices.append("its docstring waits for you: say what it shows")
    if run:
        _run(saved, memory)
    return saved


def _essence(output: str) -> list[str]:
    """What went wrong, without the logs of hosts."""
    lines = output.splitlines()
    found = [line for line in lines if re.match(r"E  |SKIPPED|ERROR|\S+\.py:\d+: ", line)]
    return found[:15] or lines[-15:]


def _name(name: str) -> str:
    plain = re.sub(r"\W+", "_", name).strip("_").lower()
    if not name.isidentifier() or keyword.iskeyword(name):
        hint = f"did you mean `{plain}`?" if plain and plain.isidentifier() and not keyword.iskeyword(plain) else "letters, digits and _"
        raise ArgumentError(f"`{name}` is not a name for a test", hint=hint)
    return name if name.startswith("test_") else f"test_{name}"


def _free(path: pathlib.Path, replace: bool) -> None:
    if path.exists() and not replace:
        raise ArgumentError(f"there is a test `{path}`", hint="another name, or `replace=True`")

def _write(path: pathlib.Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    except OSError as why:
        raise ArgumentError(f"`{path}` cannot be written: {why.strerror}", hint="`folder=…` is where tests are written") from None


def _host_names(cloud: Cloud | None) -> set[str]:
    try:
        return set(cloud.hosts.names()) if cloud else set()
    except SmogError:
        return set()


def _still_there(body: Body, cloud: Cloud | None, memory: Memory) -> None:
    """What the lines found by name must still be found when the test runs."""
    if cloud is None:
        return
    for line, method, name in dict.fromkeys(body.found):
        try:
            getattr(cloud, method)(name)
        except NotFound:
            maker = next((one.number for one in memory.statements for thing in one.things if name in (thing.name, thing.id) and one.number < line), None)
            hint = f"choose line {maker} too, which made it" if maker else "type the line that makes one, and choose it too"
            raise ArgumentError(f"line {line}: the {method} `{name}` is not in the cloud any more, so the test cannot find it", hint=hint) from None
        if method in ("guest", "server"):
            body.notices.append(f"line {line} uses the guest `{name}`, which the test does not make")


def _no_exception(body: Body) -> None:
    proposal = Proposal(len(body.proposals) + 1, 0, _NO_EXCEPTION)
    body.proposals.append(proposal)
    body.lines.append(Line(f"assert {_NO_EXCEPTION}", proposal))


def _without_unused(body: Body, kept: set[int]) -> tuple[str, list[str]]:
    """The code, without values that were put by for a comparison nobody makes."""
    code = body.text(kept)
    notices = []
    for line in [one for one in body.lines if re.match(r"\s*\w+_before(_\d+)? = ", one.text)]:
        variable, _, expression = line.text.strip().partition(" = ")
        if len(re.findall(rf"\b{variable}\b", code)) == 1:
            rest = [one for one in code.split("\n") if one != line.text]
            code = "\n".join(rest)
            notices.append(f"`{expression}` is not asserted: another run gives another value")
    return code, notices


def _document(body: Body, ask: Callable[[str], str] | None) -> str:
    comments = [one.strip() for one in body.comments if one.strip()]
    if comments:
        return "\n".join(dict.fromkeys(comments))
    said = ask("What does it show? (one sentence; Enter leaves it open) ").strip() if ask else ""
    return said or _PLACEHOLDER


def _kept(proposals: list[Proposal], keep: str | Iterable[int] | None, ask: Callable[[str], str] | None, tell: Callable[[str], object]) -> set[int]:
    everything = {one.number for one in proposals}
    if keep is None and ask is not None and proposals:
        width = len(str(len(proposals)))
        tell("What you looked at, as assertions:")
        for one in proposals:
            tell(f"  {one.number:>{width}}  {f'line {one.line}' if one.line else 'the logs'}: {one.text}")
        keep = ask("Keep which? (Enter: all; 1,3-4; not 2; none) ").strip() or "all"
    if keep is None or keep == "all":
        return everything
    if keep == "none":
        return set()
    if isinstance(keep, str):
        drop = re.match(r"(not |-)", keep)
        numbers = _numbers(keep[drop.end() :] if drop else keep)
        _known(numbers, everything)
        return everything - numbers if drop else numbers
    numbers = set(keep)
    _known(numbers, everything)
    return numbers


def _numbers(text: str) -> set[int]:
    numbers: set[int] = set()
    for part in re.split(r"[,\s]+", text.strip()):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part)
        if not found:
            raise ArgumentError(f"keep `{text}`: `{part}` is not a number", hint='"all", "none", "1,3-4" or "not 2"')
        numbers |= set(range(int(found[1]), int(found[2] or found[1]) + 1))
    return numbers


def _known(numbers: set[int], everything: set[int]) -> None:
    wrong = numbers - everything
    if wrong:
        raise ArgumentError(f"there is no assertion {min(wrong)}; there are 1 to {len(everything)}" if everything else "there is no assertion to keep")


def _run(saved: Saved, memory: Memory) -> None:
    """Run it once, in an interpreter of its own, with the login of this prompt."""
    try:
        import pytest  # noqa: F401
    except ImportError:
        saved.outcome = "not run: pytest is not installed in this Python"
        return
    with tempfile.TemporaryDirectory() as place:
        report = pathlib.Path(place) / "controls"
        words = ["-m", "pytest", str(saved.path), "-q", "--no-header", "-p", "no:cacheprovider", "-rs", "--tb=short"]
        words += ["-p", "smog.session.controls", "--smog-controls", str(report)]
        for option, value in memory.login.items():
            if option.startswith("--"):
                words += [option, value]
        env = {**os.environ, **{name: value for name, value in memory.login.items() if not name.startswith("--")}}
        if not _has_entry_point():
            words += ["-p", "smog.pytest_plugin"]
        began = time.monotonic()
        ran = subprocess.run([sys.executable, *words], capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL)
        saved.seconds = time.monotonic() - began
        saved.output = ran.stdout + ran.stderr
        skipped = ran.returncode == 0 and " skipped" in ran.stdout and " passed" not in ran.stdout
        saved.outcome = {0: "skipped" if skipped else "passed", 1: "failed"}.get(ran.returncode, f"error {ran.returncode} of pytest")
        tried = [json.loads(line) for line in report.read_text().splitlines()] if report.exists() else []
    if saved.outcome == "failed" and "No valid host" in saved.output:
        own = sorted({thing.name for one in memory.statements for thing in one.things if thing.kind == "Guest"})
        if own:
            saved.notices.append(f"guests of this session may hold what the test needs ({', '.join(own)}): delete them, and run it again")
    for one in tried:
        if one["refuses"] and one["depends"]:
            saved.refused += 1
        elif one["text"] not in saved.cannot_fail:
            why = "" if one["depends"] else " (nothing in it comes from the cloud)"
            saved.cannot_fail.append(f"{one['text']}, {saved.path.name}:{one['line']}{why}")


def _has_entry_point() -> bool:
    from importlib.metadata import entry_points

    return any(one.value == "smog.pytest_plugin" for one in entry_points(group="pytest11"))


def terminal_ask() -> Callable[[str], str] | None:
    """How a person at a terminal is asked; `None` without one."""
    interactive = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    return _input if interactive else None


def _input(question: str) -> str:
    try:
        return input(question)
    except EOFError:
        return ""


def arguments_of(line: str) -> tuple[str, dict[str, Any]]:
    """`%smog_test NAME [LINES] [--form F] [--raises] [--replace] [--no-run] [--keep K]`."""
    import argparse
    import shlex

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> Any:
            raise ArgumentError(f"%smog_test: {message}", hint="%smog_test NAME 4-12 --form unittest")

    parser = Parser("%smog_test", add_help=False)
    parser.add_argument("name")
    parser.add_argument("lines", nargs="?")
    parser.add_argument("--form", default="pytest")
    parser.add_argument("--folder", default=".")
    parser.add_argument("--keep")
    parser.add_argument("--raises", action="store_true")
    parser.add_argument("--replace", action="store_true")
    parser.add_argument("--no-run", dest="run", action="store_false")
    given = vars(parser.parse_args(shlex.split(line)))
    return given.pop("name"), given
