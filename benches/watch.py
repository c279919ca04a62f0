"""How late a line is on the screen, and what idle watching costs.

    watch.py SMOG SSH_CONFIG [IDLE_SECONDS]

Runs where smog runs, with the lab's surroundings (eval "$(lab/env)"). The lab's hosts
share this machine's clock, so a line can carry the time it was written at. smog and
`ssh HOST tail -F` watch the same file at the same time: what slows one slows the other.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

SMOG, SSH_CONFIG = sys.argv[1:3]
IDLE = float(sys.argv[3]) if len(sys.argv) > 3 else 60.0
HOSTS, LINES = 100, 200
ssh = ["ssh", "-F", SSH_CONFIG]


def lateness():
    path = f"/var/log/smog-bench-{os.getpid()}.log"
    subprocess.run([*ssh, "cmp1", f"touch {path}"], check=True)
    commands = {
        "smog watch": [SMOG, "watch", "--host", "cmp1", "--file", path, "-o", "value", "-q"],
        "ssh tail -F": [*ssh, "cmp1", f"tail -n 0 -F {path}"],
    }
    running = {name: subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
               for name, words in commands.items()}
    late = {name: [] for name in commands}

    def read(name):
        for line in running[name].stdout:
            late[name].append((time.time_ns() - int(line.rsplit(b" ", 1)[1])) / 1e6)

    threads = [threading.Thread(target=read, args=(name,), daemon=True) for name in commands]
    for thread in threads:
        thread.start()
    time.sleep(3)
    writer = ("import time\n"
              f"for i in range({LINES}):\n"
              f"    with open('{path}', 'a') as log:\n"
              "        log.write(time.strftime('%Y-%m-%d %H:%M:%S.000 1 INFO a [-] at ') + str(time.time_ns()) + '\\n')\n"
              "    time.sleep(0.05)\n")
    subprocess.run([*ssh, "cmp1", "python3 -"], input=writer.encode(), check=True)
    time.sleep(1)
    for process in running.values():
        process.terminate()
        process.wait()
    subprocess.run([*ssh, "cmp1", f"rm -f {path}"], check=True)
    print(f"a line written is on the screen after ({LINES} lines, both at once):")
    for name, times in late.items():
        times.sort()
        assert len(times) == LINES, f"{name}: {len(times)} of {LINES} lines"
        print(f"  {name:12} median {statistics.median(times):6.1f} ms   95 of 100 within {times[len(times) * 95 // 100]:6.1f} ms")


def cpu_seconds(pids):
    tick = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except FileNotFoundError:
            pass
    return total / tick


def idle():
    addresses = []
    for name in ("ctl", "cmp1", "cmp2"):
        told = subprocess.run(["ssh", "-G", "-F", SSH_CONFIG, name], capture_output=True, text=True, check=True).stdout
        addresses.append(next(line.split()[1] for line in told.splitlines() if line.startswith("hostname ")))
    entries = "".join(f"    - {{name: idle{n:03}, host: {addresses[n % 3]}, user: root}}\n" for n in range(HOSTS))
    with open(os.environ["SMOG_CONFIG"]) as own:
        before, _, after = own.read().partition("hosts:\n")
    after = after[after.index("ssh:\n"):]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as config:
        config.write(f"{before}hosts:\n  computes:\n{entries}{after}")
        config.flush()
        words = [SMOG, "--config", config.name, "watch", "--file", "/var/log/smog-nothing.log"]
        words += [word for n in range(HOSTS) for word in ("--host", f"idle{n:03}")]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            if line.startswith("watching"):
                break
        else:
            sys.exit("smog watch did not begin")
        threading.Thread(target=process.stderr.read, daemon=True).start()
        time.sleep(5)
        masters = [int(pid) for pid in os.listdir("/proc") if pid.isdigit() and is_master(pid, process.pid)]
        before = cpu_seconds([process.pid]), cpu_seconds(masters)
        time.sleep(IDLE)
        after = cpu_seconds([process.pid]), cpu_seconds(masters)
        memory = next(line for line in open(f"/proc/{process.pid}/status") if line.startswith("VmRSS")).split()[1]
        process.send_signal(2)
        process.wait()
    own, ways = ((a - b) / IDLE * 100 for a, b in zip(after, before))
    print(f"watching {HOSTS} idle hosts for {IDLE:.0f} s costs {own:.2f} % of a core in smog, {ways:.2f} % in "
          f"{len(masters)} ssh connections; {int(memory) / 1024:.0f} MiB")


def is_master(pid, parent):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as words:
            text = words.read()
    except FileNotFoundError:
        return False
    return text.startswith(b"ssh\0-M") and f"-{parent}-".encode() in text


lateness()
idle()
