"""Runs in the lab's controller: smog and the openstack client on the same cloud, the
same machine, one after the other, so that what slows one slows the other too.

    cli.py SMOG RUNS      prints medians in ms and the ratio of each pair
"""
import os
import statistics
import subprocess
import sys
import time

SMOG, RUNS = sys.argv[1], int(sys.argv[2])
HOST = os.uname().nodename
CLOUD = {
    **os.environ, "OS_AUTH_URL": f"http://{HOST}:5000/v3", "OS_USERNAME": "admin", "OS_PASSWORD": "lab",
    "OS_PROJECT_NAME": "admin", "OS_USER_DOMAIN_NAME": "Default", "OS_PROJECT_DOMAIN_NAME": "Default",
    "OS_REGION_NAME": "RegionOne", "OS_IDENTITY_API_VERSION": "3",
}
PAIRS = (
    ("start: --version", [SMOG, "--version"], ["openstack", "--version"]),
    ("list servers", [SMOG, "guest", "list", "-o", "json"], ["openstack", "server", "list", "--all-projects", "--long", "-f", "json"]),
    ("list flavors", [SMOG, "flavor", "list", "-o", "json"], ["openstack", "flavor", "list", "--long", "-f", "json"]),
    ("list images", [SMOG, "image", "list", "-o", "json"], ["openstack", "image", "list", "--long", "-f", "json"]),
)


def milliseconds(command):
    begun = time.perf_counter()
    subprocess.run(command, env=CLOUD, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


print(f"{'':20} {'smog':>9} {'openstack':>10}   ratio of medians, {RUNS} runs in turn")
for name, ours, theirs in PAIRS:
    milliseconds(ours), milliseconds(theirs)   # caches, tokens, bytecode
    times = [(milliseconds(ours), milliseconds(theirs)) for _ in range(RUNS)]
    mine, other = (statistics.median(column) for column in zip(*times))
    print(f"{name:20} {mine:6.0f} ms {other:7.0f} ms   {other / mine:.1f}")
