"""How much sooner `smog audit` is done than `nova-manage placement audit`, in one run on the lab.

    audit.py SMOG RUNS

`nova-manage placement audit` looks for one thing (allocations of no server and no migration), on the
controller itself and with the database; `smog audit` by all of its rules, over the APIs and the hosts, once
with an hour of all logs and once without. All are run in turn; medians and ratios are printed. The lab's surroundings must be set.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time


PEER = "nova-manage placement audit"


def timed(words):
    """Seconds, and the exit code."""
    begun = time.monotonic()
    ended = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - begun, ended.returncode


def main():
    smog, runs = sys.argv[1], int(sys.argv[2])
    ssh_config = pathlib.Path(os.environ["SMOG_CONFIG"]).with_name("ssh_config")
    peer = ["ssh", "-F", str(ssh_config), "ctl", "nova-manage placement audit"]
    whole = [smog, "audit", "--one-look", "-q"]
    ours = {"smog audit": whole, "smog audit --since 0s": [*whole, "--since", "0s"]}
    timed(whole)
    took = {name: [] for name in [*ours, PEER]}
    for _ in range(runs):
        for name, words in ours.items():
            seconds, code = timed(words)
            if code not in (0, 1):
                sys.exit(f"bench: {name} ended with {code}")
            took[name].append(seconds)
        seconds, code = timed(peer)
        # 0: nothing orphaned, 3: orphaned allocations.
        if code not in (0, 3):
            sys.exit(f"bench: {PEER} ended with {code}")
        took[PEER].append(seconds)
    medians = {name: statistics.median(all_of) for name, all_of in took.items()}
    for name, all_of in took.items():
        print(f"{name:<30} median {medians[name]:6.2f} s  ({min(all_of):.2f} to {max(all_of):.2f})")
    for name in ours:
        print(f"ratio {medians[PEER] / medians[name]:5.1f}  {name}")


main()
