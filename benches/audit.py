"""How much sooner `smog audit` is done than `nova-manage placement audit`, in one run on the lab.

    audit.py SMOG RUNS

`nova-manage placement audit` looks for one thing (allocations of no server and no migration), on the
controller itself and with the database; `smog audit` by all of its rules, over the APIs and the hosts.
Both are run in turn; medians and the ratio are printed. The lab's surroundings must be set.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import time


def timed(words):
    """Seconds, and the exit code."""
    begun = time.monotonic()
    ended = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return time.monotonic() - begun, ended.returncode


def main():
    smog, runs = sys.argv[1], int(sys.argv[2])
    ssh_config = pathlib.Path(os.environ["SMOG_CONFIG"]).with_name("ssh_config")
    peer = ["ssh", "-F", str(ssh_config), "ctl", "nova-manage placement audit"]
    ours = [smog, "audit", "--one-look", "-q"]
    timed(ours)
    took = {"smog audit": [], "nova-manage placement audit": []}
    for _ in range(runs):
        seconds, code = timed(ours)
        if code not in (0, 1):
            sys.exit(f"bench: smog audit ended with {code}")
        took["smog audit"].append(seconds)
        seconds, code = timed(peer)
        # 0: nothing orphaned, 3: orphaned allocations.
        if code not in (0, 3):
            sys.exit(f"bench: nova-manage placement audit ended with {code}")
        took["nova-manage placement audit"].append(seconds)
    medians = {name: statistics.median(all_of) for name, all_of in took.items()}
    for name, all_of in took.items():
        print(f"{name:<30} median {medians[name]:6.2f} s  ({min(all_of):.2f} to {max(all_of):.2f})")
    print(f"ratio {medians['nova-manage placement audit'] / medians['smog audit']:.1f}")


main()
