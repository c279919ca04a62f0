"""How long a changed option takes until nova-compute is ready again, by evidence.

    prepare.py SMOG RUNS

Runs where smog runs, with the lab's surroundings. The white-box Tempest plugin stops the
service, waits until Nova calls it down, starts it and waits until Nova calls it up: Nova's
service_down_time after the last heartbeat, 60 s by default. That wait was not run here;
the ratio is against the 50 s it takes at least with heartbeats every 10 s.
"""
import json
import statistics
import subprocess
import sys
import tempfile

SMOG, RUNS = sys.argv[1], int(sys.argv[2])
PEER = 50.0

with tempfile.TemporaryDirectory() as journal:
    took = []
    for run in range(RUNS):
        words = ["prepare", "--yes", "-q", "-o", "json", "--journal", journal, "--host", "cmp1",
                 "--set", f"nova.conf:DEFAULT.shutdown_timeout={6 + run}"]
        told = subprocess.run([SMOG, *words], check=True, capture_output=True, text=True).stdout
        took.append(json.loads(told)["evidence"][0]["took_s"])
        subprocess.run([SMOG, "restore", "--yes", "-q", "--journal", journal], check=True)
middle = statistics.median(took)
print(f"an option changed and nova-compute ready: median {middle:.1f} s, longest {max(took):.1f} s of {RUNS} runs; "
      f"the peer's shortest wait is {PEER / middle:.0f} times as long")
