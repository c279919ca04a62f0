"""The pytest plugin and `smog shell`, on the lab."""

import os
import pty
import select
import shutil
import subprocess
import sys
import time

import pytest


def test_the_plugin(pytester: pytest.Pytester, lab):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.smog(ram_mib=64)
        @pytest.mark.smog_claims(hosts=1, admin=True)
        def test_passes(guest, host, cloud):
            assert guest.status == "ACTIVE" and guest.host == host
            assert guest.server.ram_mib == 64

        @pytest.mark.smog_claims(hosts=99)
        def test_claims_too_much(guest): pass

        @pytest.mark.smog(ram_mib=64)
        def test_fails(guest): assert guest.status == "SHUTOFF"
        """
    )
    ran = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs")
    ran.assert_outcomes(passed=1, skipped=1, failed=1)
    ran.stdout.fnmatch_lines(["*the API calls of this test*", "*POST /servers 202 req-*"])
    ran.stdout.fnmatch_lines(["*needs 99 compute hosts*"])
    assert not [server.name for server in lab.servers() if server.name.startswith("smog-test-")]


def typed(command: list[str], lines: list[str], seconds: float = 60) -> str:
    """What a program says on a terminal, when these lines are typed one after the other."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "dumb"
        os.execvp(command[0], command)
    said, deadline = b"", time.monotonic() + seconds
    waiting = list(lines)
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 0.2)
        if ready:
            try:
                said += os.read(terminal, 65536)
            except OSError:
                break
        elif waiting and said.rstrip().endswith((b">>>", b"]:", b">>>\x1b[?2004h")):
            os.write(terminal, waiting.pop(0).encode() + b"\n")
    os.close(terminal)
    os.waitpid(pid, 0)
    return said.decode(errors="replace")


def test_the_prompt():
    smog = shutil.which("smog")
    assert smog
    said = typed([smog, "shell", "--plain", "--python", sys.executable], ["print(cloud.name, len(hosts()), 6 * 7)", "exit()"])
    assert "cloud lab at http://" in said and "hosts ctl, cmp1, cmp2" in said.replace("cmp1, cmp2, ctl", "ctl, cmp1, cmp2")
    assert "lab 3 42" in said, said


def test_a_python_without_the_package_is_told_how_to_get_it(tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    smog = shutil.which("smog")
    assert smog
    ran = subprocess.run(
        [smog, "shell", "--python", str(tmp_path / "venv/bin/python")],
        capture_output=True,
        text=True,
        timeout=30,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
    )
    assert ran.returncode == 3
    assert "pip install" in ran.stderr and "hint:" in ran.stderr
