"""What is typed at a prompt on the lab becomes a test that runs, on a pseudo terminal as a person has one."""

import os
import pathlib
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest

DOC = pathlib.Path(__file__).resolve().parents[3] / "docs/python/from-a-question-to-a-test.md"


class Prompt:
    """A program on a pseudo terminal, in a folder of its own."""

    def __init__(self, folder: pathlib.Path, *command: str) -> None:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.environ["TERM"] = "dumb"
            os.execv(command[0], command)
        self.said = ""

    def until(self, *words: str, seconds: float = 120) -> str:
        """What it says until one of these, which is the end of it."""
        begun, deadline = len(self.said), time.monotonic() + seconds
        while not any(self.said[begun:].endswith(word) for word in words):
            assert time.monotonic() < deadline, f"none of {words} at the end of {self.said[begun:]!r}"
            if select.select([self.fd], [], [], 0.1)[0]:
                try:
                    self.said += os.read(self.fd, 65536).decode(errors="replace").replace("\r\n", "\n")
                except OSError:
                    break
        return self.said[begun:]

    def type(self, *lines: str) -> str:
        """Type lines, each at a prompt; what was said to the last one."""
        said = ""
        for line in lines:
            os.write(self.fd, line.encode() + b"\n")
            said = self.until(">>> ", "... ", "not 2; none) ")
        return said

    def end(self) -> int:
        os.write(self.fd, b"\x04")
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_the_tutorial(lab, gone, tmp_path):
    typed = re.findall(r"^>>> (.*)$", "\n".join(re.findall(r"```console\n(.*?)```", DOC.read_text(), re.S)), re.M)
    (written,) = re.findall(r"```python\n(.*?)```", DOC.read_text(), re.S)
    prompt = Prompt(tmp_path, sys.executable, "-m", "smog.shell", "--plain")
    prompt.until(">>> ")
    try:
        for line in typed[:-1]:
            said = prompt.type(line)
            assert "Traceback" not in said, said
        asked = prompt.type(typed[-1])
        assert "  4  the logs: thrown() == []" in asked
        said = prompt.type("")
        assert "4 assertions; passed in" in said and "4 of 4 assertions failed, as they must" in said, said
        assert written in (tmp_path / "test_large_pages_are_large.py").read_text()
        refused = prompt.type('save_test("large_pages_are_large")', 'save_test("x", lines="1-99")')
        assert "there is no line 99" in refused
        assert prompt.end() == 0
    finally:
        for server in lab.servers(name="lp-test"):
            lab.guest(server.id).delete()
    gone("lp-test")


def test_the_prompt_of_2015_and_a_test_edited_by_hand(lab, gone, tmp_path):
    prompt = Prompt(tmp_path, sys.executable, "-i", "-m", "smog.tests.numa")
    prompt.until(">>> ")
    prompt.type("numa = NUMA()", "flavor = numa.create_flavor(name='py-typed', ram=64)", "flavor.get_keys()", "flavor.ram")
    said = prompt.type("save_test('flavor_of_2015', form='unittest', document='A flavor has no keys.', run=False)", "")
    assert "assertions; not run" in said, said
    prompt.type("numa.clean()")
    assert prompt.end() == 0
    file = tmp_path / "test_flavor_of_2015.py"
    text = file.read_text()
    assert "from smog.tests.numa import NUMA" in text and "numa = made(NUMA(cloud=cloud))" in text, text
    run = [sys.executable, "-m", "unittest", "test_flavor_of_2015"]
    ran = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    file.write_text(text.replace("flavor.ram, 64", "flavor.ram, 65"))
    ran = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1 and "64 != 65" in ran.stderr
    gone("py-typed")


@pytest.mark.parametrize("need", ["hosts=99", "dedicated=99"])
def test_what_a_cloud_has_not_is_a_reason_to_skip(pytester: pytest.Pytester, lab, need):
    pytester.makepyfile(f"import pytest\n@pytest.mark.smog_claims({need})\ndef test_it(cloud): assert False")
    ran = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs")
    ran.assert_outcomes(skipped=1)
    ran.stdout.fnmatch_lines(["*needs 99 *"])


def test_smog_test_runs_python_tests_as_cases(lab, tmp_path):
    smog = shutil.which("smog")
    assert smog
    (tmp_path / "my_tests").mkdir()
    (tmp_path / "my_tests/test_own.py").write_text(
        "import pytest\n"
        "def test_holds(cloud):\n    'The lab is the lab.'\n    assert cloud.name == 'lab' and cloud.servers() is not None\n"
        "def test_fails(cloud): assert cloud.name == 'nosuch'\n"
        "@pytest.mark.smog_claims(hosts=99)\ndef test_needs(cloud): pass\n"
    )
    command = [smog, "test", "./my_tests", "--python", sys.executable, "--log-dir", str(tmp_path / "log"), "--junit", "junit.xml"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "3 cases in" in ran.stdout and "1 passed, 1 failed, 1 skipped" in ran.stdout, ran.stdout
    assert "needs 99 compute hosts" in ran.stdout and "assert 'lab' == 'nosuch'" in ran.stdout
    assert "test_holds" in (tmp_path / "junit.xml").read_text()
    ran = subprocess.run([smog, "test", "./nosuch", "--python", sys.executable], cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 2 and "`./nosuch`: there is no such file or folder" in ran.stderr, ran.stderr
