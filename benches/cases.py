"""How much sooner cases end that run at once, and whether they end as they do one by one.

    cases.py SMOG JOBS PATTERN…

The peer is smog itself with `--jobs 1`: the white-box Tempest plugin has no other way,
since its tests change hosts under each other's feet.
"""
import json
import subprocess
import sys
import tempfile
import time

SMOG, JOBS, PATTERNS = sys.argv[1], sys.argv[2], sys.argv[3:]


def busy():
    """Time the CPUs of this machine were busy, and all their time, in ticks (/proc/stat)."""
    with open("/proc/stat") as stat:
        ticks = [int(word) for word in stat.readline().split()[1:]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def run(jobs):
    with tempfile.TemporaryDirectory() as folder:
        report = f"{folder}/lines.json"
        words = ["test", "-q", "--prepare", "--yes", "--jobs", jobs, "--log-dir", folder, "--json", report, *PATTERNS]
        began, (busy_before, all_before) = time.monotonic(), busy()
        subprocess.run([SMOG, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        took, (busy_after, all_after) = time.monotonic() - began, busy()
        with open(report) as lines:
            cases = [json.loads(line) for line in lines]
    share = (busy_after - busy_before) / (all_after - all_before)
    print(f"jobs {jobs}: {took:.0f} s; this machine's CPUs were {share:.0%} busy", flush=True)
    return took, {case["name"]: case["outcome"] for case in cases if "outcome" in case and "name" in case}


alone, one_by_one = run("1")
beside, at_once = run(JOBS)
differ = {name: (one_by_one[name], at_once.get(name)) for name in one_by_one if at_once.get(name) != one_by_one[name]}
print(f"{len(one_by_one)} cases; at once they take {beside / alone:.2f} of the time; "
      + (f"outcomes that differ: {differ}" if differ else "every outcome is the same"))
sys.exit(1 if differ else 0)
