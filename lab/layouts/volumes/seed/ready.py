"""As ready.py of every lab (here lab_ready.py), and whether Cinder and Ceph work."""
import json
import subprocess
import sys

import lab_ready as ready
from lab_ready import KEYSTONE, URLS, call, log_in, seconds  # noqa: F401 (others import them from here)

CINDER = URLS["cinder"]
ready.APIS += (("cinder-api", CINDER + "/types"),)

asked_others, others_expected = ready.heartbeats, ready.expected


def heartbeats(token):
    yield from asked_others(token)
    try:
        services = call(CINDER + "/os-services", token)[1]["services"]
    except Exception:  # Cinder's silence is no silence of the others
        return
    for service in services:
        yield (service["binary"], service["host"], service["state"] == "up",
               seconds(service["updated_at"] or "1970-01-01T00:00:00"))


def expected(hosts):
    return [*others_expected(hosts), ("cinder-scheduler", "ctl"), ("cinder-volume", "ctl@ceph")]


def health():
    """What Ceph says of itself: HEALTH_OK, or its reasons."""
    command = ["ceph", "--connect-timeout", "5", "health", "detail", "--format", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    if ran.returncode:
        return (ran.stderr.strip().splitlines() or ["no answer"])[-1]
    said = json.loads(ran.stdout)
    return "; ".join([said["status"], *(check["summary"]["message"] for check in said["checks"].values())])


class Waiting(ready.Waiting):
    """The lab's services, and Ceph."""

    def __init__(self, limit, started):
        # A heartbeat of the back end counts from the start of the host it runs on.
        super().__init__(limit, started)
        self.started = {**started, "ctl@ceph": started.get("ctl", 0)}
        self.wanted.append("ceph")

    def look(self, token):
        if "ceph" not in self.seen:
            said = self.attempt("ceph", health)
            if said == "HEALTH_OK":
                self.found("ceph")
            elif said:
                self.problem = f"ceph: {said}"
        super().look(token)


ready.heartbeats, ready.expected, ready.Waiting = heartbeats, expected, Waiting


def show():
    problems = ready.show()
    try:
        said = health()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        said = str(error)
    print("ceph", "ctl", "up" if said == "HEALTH_OK" else said, sep="\t")
    return problems or int(said != "HEALTH_OK")


if __name__ == "__main__":
    if sys.argv[1] == "wait":
        sys.exit(ready.wait(float(sys.argv[2]), {host: int(at) for host, at in (arg.split("=") for arg in sys.argv[3:])}))
    sys.exit(show())
