"""The text of a test: pytest's form, and unittest's in the style of 2015."""

from __future__ import annotations

import ast
import re
import time
from typing import Any

__all__ = ["needs_of", "pytest_form", "unittest_form"]

_FIXTURES = ("boot", "cloud", "made", "unique", "thrown")


def needs_of(code: str) -> dict[str, Any]:
    """What the lines need of a cloud, as the marker `smog_claims` says it."""
    needs: dict[str, Any] = {}
    if re.search(r"\.(live_migrate|migrate|evacuate|cold_migrate)\(", code):
        needs["hosts"] = 2
    elif re.search(r"\b(boot|boot_instances?|environment)\(", code):
        needs["hosts"] = 1
    admin = r"FlavorSpec\(|create_flavor|_flavor\(|\.environment\(|\.live_migrate|\.migrate\(|create_aggregate|create_project|create_user|\bhost="
    if re.search(admin, code):
        needs["admin"] = True
    if re.search(r"\.pinned\(|create_vcpu_pin_flavor|cpu_policy\(\s*[\"']dedicated|hw:cpu_policy", code):
        vcpus = [int(number) for number in re.findall(r"vcpus=(\d+)", code)]
        needs["dedicated"] = max(vcpus, default=1)
    if re.search(r"\.pages\(\s*[\"'](?!small|any)|create_large_page_flavor|hw:mem_page_size", code):
        needs["pages"] = True
    if re.search(r"\.environment\(|restart_service\(|\.reboot\(\)|force_service_down|disable_service", code):
        needs["alone"] = True
    return needs


def _imports(imports: list[str], code: str, more: list[str]) -> str:
    lines = {line for block in [*imports, *more] for line in block.split("\n")}
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    kept = []
    for line in sorted(lines, key=lambda line: (line.startswith("from"), line)):
        (node,) = ast.parse(line).body
        names = {(one.asname or one.name).partition(".")[0] for one in node.names}  # type: ignore[attr-defined]
        if names & used or "*" in names or line in more:
            kept.append(line)
    standard = [line for line in kept if not re.match(r"(import|from) (smog|pytest)\b", line)]
    groups = [
        standard,
        [line for line in kept if re.match(r"(import|from) pytest\b", line)],
        [line for line in kept if re.match(r"(import|from) smog\b", line)],
    ]
    return "\n\n".join("\n".join(group) for group in groups if group)


def _head(cloud: str) -> str:
    where = f", against the cloud `{cloud}`" if cloud else ""
    return f'"""Typed at the prompt of smog on {time.strftime("%Y-%m-%d")}{where}, and saved by `save_test`."""'


def _document(document: str, indent: str) -> str:
    lines = document.strip().replace("\\", "\\\\").replace('"""', "'''").split("\n")
    end = '"""' if len(lines) == 1 else f'\n{indent}"""'
    return f'{indent}"""' + f"\n{indent}".join(line.strip() for line in lines) + end


def _indent(code: str, indent: str) -> str:
    return "\n".join(indent + line if line.strip() else line for line in code.split("\n"))


def pytest_form(name: str, code: str, imports: list[str], document: str, cloud: str) -> str:
    """A pytest function with fixtures, and its needs as a marker."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    fixtures = [one for one in _FIXTURES if one in used]
    if not set(fixtures) & {"boot", "cloud", "made"}:
        fixtures.insert(0, "cloud")
    needs = needs_of(code)
    if "cloud" not in fixtures and "boot" not in fixtures:
        fixtures.insert(0, "cloud")
    marker = f"@pytest.mark.smog_claims({', '.join(f'{key}={value!r}' for key, value in needs.items())})\n" if needs else ""
    function = f"{marker}def {name}({', '.join(fixtures)}):\n{_document(document, '    ')}\n{_indent(code, '    ')}\n"
    more = ["import pytest"] if marker else []
    return f"{_head(cloud)}\n\n{_imports(imports, function, more)}\n\n\n{function}".replace("\n\n\n\n\n", "\n\n\n")


def unittest_form(name: str, code: str, imports: list[str], document: str, cloud: str) -> tuple[str, str]:
    """A `NovaTest` with a declared method, and the text of its YAML file."""
    title = "".join(word.capitalize() for word in name.removeprefix("test_").split("_"))
    tree = ast.parse(code)
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    lines = ["made = of_case(self, cases.cloud(), self.config[\"needs\"])"]
    if "cloud" in used:
        lines.append("cloud = made.cloud")
    both = [one for one in ("boot", "unique") if one in used]
    if both:
        lines.append(f"{', '.join(both)} = {', '.join(f'made.{one}' for one in both)}")
    body = "\n".join([*lines, _as_methods(code)])
    method = f"    @declare\n    def {name}(self):\n{_document(document, '        ')}\n{_indent(body, '        ')}\n"
    config = f'{name}.yml'
    text = (
        f"class {title}(base.NovaTest):\n{_document(document, '    ')}\n\n"
        f'    config_file = "{config}"\n    config_dir = __file__\n\n{method}'
    )
    more = ["import unittest", "from smog.made import of_case", "from smog.tests import base, cases", "from smog.tests.base import declare"]
    whole = f"{_head(cloud)}\n\n{_imports(imports, text, more)}\n\n\n{text}\n\nif __name__ == \"__main__\":\n    unittest.main()\n"
    needs = needs_of(code)
    yaml = "# What the test needs of a cloud; it is skipped elsewhere. nova:, libvirt_conf: and hosts: may be added.\nneeds:"
    yaml += "".join(f"\n  {key}: {str(value).lower()}" for key, value in needs.items()) if needs else " {}"
    return whole, yaml + "\n"


_METHODS = {ast.Eq: "assertEqual", ast.NotEq: "assertNotEqual", ast.Is: "assertIs", ast.In: "assertIn"}


def _as_methods(code: str) -> str:
    """`assert a == b` as `self.assertEqual(a, b)`; `thrown()` has no meaning there and is left out."""
    out = []
    for line in code.split("\n"):
        found = re.match(r"( *)assert (.*)$", line)
        if not found:
            out.append(line)
            continue
        if "thrown()" in line:
            continue
        try:
            test = ast.parse(found[2], mode="eval").body
        except SyntaxError:
            out.append(line)
            continue
        if isinstance(test, ast.Compare) and len(test.ops) == 1 and type(test.ops[0]) in _METHODS:
            left, right = ast.unparse(test.left), ast.unparse(test.comparators[0])
            out.append(f"{found[1]}self.{_METHODS[type(test.ops[0])]}({left}, {right})")
        else:
            out.append(f"{found[1]}self.assertTrue({found[2]})")
    return "\n".join(out)
