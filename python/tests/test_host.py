"""Commands on this machine: output, files, interrupts, threads, forks."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import pytest

import smog
from smog import Host


def test_words_are_passed_as_they_are():
    output = Host.local().run("printf", "%s|", "two words", "$HOME", "'")
    assert output.stdout == "two words|$HOME|'|"
    assert output.ok and output.exit_code == 0


def test_a_shell_when_asked():
    assert Host.local().run("echo $((1 + 1)) $1", "x y", shell=True).stdout == "2 x y\n"


def test_environment_and_standard_input():
    output = Host.local().run("sh", "-c", "cat; echo $WORD", stdin="in ", env={"WORD": "out"})
    assert output.stdout == "in out\n"


def test_any_exit_code_without_check():
    assert Host.local().run("false", check=False).exit_code == 1


def test_a_program_that_is_not_there():
    with pytest.raises(smog.MissingProgram) as missing:
        Host.local().run("no-such-program-here")
    assert missing.value.program == "no-such-program-here"


def test_files(tmp_path: pathlib.Path):
    host, path = Host.local(), str(tmp_path / "file")
    assert not host.exists(path)
    host.write(path, "text\n", mode=0o600)
    assert host.read(path) == "text\n"
    assert host.read_bytes(path) == b"text\n"
    assert os.stat(path).st_mode & 0o777 == 0o600


def test_facts():
    facts = Host.local().facts()
    assert facts.kernel == os.uname().release
    assert len(facts.cpus_online) == os.cpu_count()
    assert facts.to_dict()["hostname"] == facts.hostname
    assert "KERNEL" in repr(smog.Listing([facts]))


INTERRUPTED = """
import signal, sys, time, smog
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
try:
    smog.Host.local().run("sleep", "{seconds}")
except KeyboardInterrupt as stopped:
    print("stopped", *getattr(stopped, "__notes__", []), flush=True)
"""


def test_ctrl_c_ends_a_call_within_a_second_and_the_command_too():
    seconds = f"300.{os.getpid()}"
    code = INTERRUPTED.format(seconds=seconds)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "ready\n"
    for _ in range(100):
        if running(seconds):
            break
        time.sleep(0.05)
    assert running(seconds)
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    said = process.stdout.readline()
    assert time.monotonic() - begun < 1
    assert said.startswith("stopped") and "was ended" in said
    assert process.wait(5) == 0
    for _ in range(100):
        if not running(seconds):
            break
        time.sleep(0.05)
    assert not running(seconds)


def running(seconds: str) -> bool:
    for folder in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if folder.read_bytes().split(b"\0")[:2] == [b"sleep", seconds.encode()]:
                return True
        except OSError:
            pass
    return False


def test_other_threads_run_on():
    ticks = 0
    done = threading.Event()

    def count() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.005)

    counter = threading.Thread(target=count)
    counter.start()
    Host.local().run("sleep", "0.5")
    done.set()
    counter.join()
    assert ticks > 30


def test_many_threads_at_once():
    found: list[str] = []

    def ask(number: int) -> None:
        found.append(Host.local().run("echo", str(number)).stdout)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found, key=int) == [f"{number}\n" for number in range(16)]


def test_a_forked_child_has_threads_of_its_own(python):
    code = """
import os, smog
print(smog.Host.local().run("echo", "parent").stdout, end="", flush=True)
if (pid := os.fork()) == 0:
    print(smog.Host.local().run("echo", "child").stdout, end="", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(smog.Host.local().run("echo", "parent").stdout, end="")
"""
    assert python(code, timeout=20).stdout.split() == ["parent", "child", "parent"]


def test_a_stop_button_stops_a_call_of_another_thread():
    button, caught = smog.Stop(), []

    def work() -> None:
        try:
            with button:
                Host.local().run("sleep", "60")
        except smog.Interrupted as stopped:
            caught.append(stopped)

    thread = threading.Thread(target=work)
    thread.start()
    time.sleep(0.3)
    begun = time.monotonic()
    button.press()
    thread.join(5)
    assert time.monotonic() - begun < 1
    assert "was ended" in caught[0].left


def test_a_host_is_found_by_its_name():
    assert Host.at("localhost").run("true").ok
    assert repr(Host.ssh("10.0.0.1", user="root")) == "<Host 10.0.0.1 (ssh 10.0.0.1)>"
    assert Host.local("a") == Host.local("a") != Host.local("b")
