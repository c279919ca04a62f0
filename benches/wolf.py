"""Whether an audit cries wolf: audits a lab again and again while smog's own cases run on it.

    wolf.py SMOG [PATTERN…]

Runs `smog test PATTERN…`, and meanwhile `smog audit` every ten seconds (with its second look, as a person
runs it). Findings that were there before are left out. Every other is printed with how often it was seen;
some may be right, since cases do break things on purpose. Ctrl-C ends both. The lab's surroundings
must be set.
"""

import collections
import json
import signal
import subprocess
import sys
import tempfile
import time

EVERY_S = 10


def audit(smog):
    """The findings above a note by key, and what could not be looked at."""
    ended = subprocess.run([smog, "audit", "-o", "json", "--since", "0s"], capture_output=True, text=True, check=False)
    if ended.returncode not in (0, 1, 3):
        sys.exit(f"wolf: smog audit ended with {ended.returncode}: {ended.stderr}")
    found = json.loads(ended.stdout)
    key = lambda one: (one["rule"], one["subject"]["kind"], one["subject"]["id"], one.get("part", ""))
    return {key(one): one for one in found["findings"] if one["severity"] != "note"}, found["unknown"]


def main():
    smog, patterns = sys.argv[1], sys.argv[2:] or ["sanity", "live_migration", "evacuate"]
    before, _ = audit(smog)
    log = tempfile.TemporaryFile("w+")
    run = subprocess.Popen([smog, "test", "-j", "3", *patterns], stdout=log, stderr=subprocess.STDOUT, text=True)
    audits, seen, first, unknown = 0, collections.Counter(), {}, collections.Counter()
    try:
        while run.poll() is None:
            begun = time.monotonic()
            findings, unseen = audit(smog)
            audits += 1
            for one in unseen:
                unknown[one["what"]] += 1
            for key, one in findings.items():
                if key not in before:
                    seen[key] += 1
                    if key not in first:
                        print(f"audit {audits}: {one['severity']} {one['rule']}: {one['subject']['name']}: {one['sentence']}", flush=True)
                    first.setdefault(key, (audits, one))
            # A run that is over is not waited for.
            while run.poll() is None and time.monotonic() - begun < EVERY_S:
                time.sleep(0.2)
    except KeyboardInterrupt:
        # Ctrl-C ends the cases, which clean up after themselves; what was seen so far is still reported.
        run.send_signal(signal.SIGINT)
        run.wait()
    log.seek(0)
    said = log.read().splitlines()
    print("\n".join(said[-5:]))
    print(f"{audits} audits; {len(seen)} findings that were not there before, {len(unknown)} things could not be looked at")
    for key, count in seen.most_common():
        at, one = first[key]
        print(f"  {count}x, first in audit {at}: {one['severity']} {one['rule']}: {one['subject']['name']}: {one['sentence']}")
    for what, count in unknown.most_common():
        print(f"  {count}x unknown: {what}")


main()
