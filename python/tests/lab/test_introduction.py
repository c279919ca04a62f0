"""The examples of docs/python/introduction.md, run as they stand there."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

import smog

DOC = pathlib.Path(__file__).resolve().parents[3] / "docs/python/introduction.md"


def examples() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", DOC.read_text(), re.M | re.S)


def todays(code: str, lab: smog.Cloud, run: str) -> str:
    """The same with the lab's values, and names of our own."""
    controller = next(line.address for line in lab.hosts() if line.role == "controllers")
    values = {
        '"http://192.168.1.10"': repr(lab.auth_url.removesuffix("/v3").removesuffix("/")),
        '"smogrules"': repr("lab"),
        '"192.168.1.5"': repr(controller),
        'name="simple"': f'name="py-simple-{run}"',
        'name="lp-test"': f'name="py-lp-{run}"',
    }
    for text, value in values.items():
        code = code.replace(text, value)
    return code


def test_every_example_runs(lab, gone, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run = os.urandom(3).hex()
    assert len(examples()) == 5
    names = {"__name__": "introduction", "__file__": str(tmp_path / "introduction.py")}
    try:
        for code in examples():
            for _ in range(3):
                try:
                    exec(compile(todays(code, lab, run), "introduction.md", "exec"), names)
                    break
                except smog.NotFound:
                    # Other people's guests come and go while `for guest in discovered` asks them.
                    assert "for guest in discovered" in code
    finally:
        for server in lab.servers():
            if run in server.name:
                lab.guest(server.id).delete()
        for flavor in lab.flavors():
            if flavor.name.startswith("smog-") and "base_flavor" in names and flavor.id == names["base_flavor"].id:
                flavor.delete()
    said = capsys.readouterr().out
    assert "Failed to boot" not in said and "did not boot" not in said
    assert said.count("<domain type=") >= 3
    assert "{'hw:mem_page_size': 'large'}" in said
    hosts = re.findall(r"^cmp\d$", said, re.M)
    assert len(hosts) >= 3
    assert names["watcher"].handler.result == {}
    assert names["NUMALargePage"].config_dir == str(tmp_path / "introduction.py")
    gone(run)


def test_the_interactive_module():
    code = 'numa = NUMA(); print(numa.cloud.name, BaseStack, smog.nova.poll_status.__name__)\n'
    ran = subprocess.run(
        [sys.executable, "-i", "-m", "smog.tests.numa"], input=code, capture_output=True, text=True, timeout=60
    )
    assert "lab <class 'smog.tests.base.BaseStack'> poll_status" in ran.stdout, ran


def test_the_command_lines_of_unittest():
    for name, least in (("numa", 20), ("numa.NUMALargePage", 5), ("numa.NUMALargePage.test_large_pages", 1)):
        code = f"import unittest; print(unittest.TestLoader().loadTestsFromName('smog.tests.{name}').countTestCases())"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        assert int(ran.stdout) >= least, ran


def test_a_case_by_unittest():
    name = "smog.tests.sanity.SanityTest.test_bringup_instance"
    ran = subprocess.run([sys.executable, "-m", "unittest", "-v", name], capture_output=True, text=True, timeout=300)
    if "skipped" in ran.stderr:
        pytest.skip(ran.stderr)
    assert ran.returncode == 0 and "Ran 1 test" in ran.stderr, ran.stderr
    assert "A guest boots" in ran.stderr
