"""Runs in ctl: asks every service of the cloud whether it works.

    ready.py wait SECONDS HOST=STARTED...   one line for each service as it comes up
    ready.py show                           one line for each service, "name<TAB>host<TAB>state"

A row restored from a snapshot still says "up", so `wait` counts only heartbeats
newer than the start of the host they come from. Plain standard library: starting
it must cost nothing on a machine that is busy starting everything else.
"""
import calendar
import json
import os
import sys
import time
import urllib.request

from urls import KEYSTONE, NEUTRON_STATE as STATE, SERVICES

URLS = {name: url for name, _, url in SERVICES}
PASSWORD_LOGIN = {"auth": {
    "identity": {"methods": ["password"], "password": {
        "user": {"name": "admin", "domain": {"id": "default"}, "password": "lab"}}},
    "scope": {"project": {"name": "admin", "domain": {"id": "default"}}}}}
APIS = (("glance", URLS["glance"] + "/v2/images?limit=1"), ("placement", URLS["placement"] + "/resource_providers"),
        ("nova-api", URLS["nova"] + "/flavors?limit=1"), ("neutron-api", URLS["neutron"] + "/v2.0/networks?limit=1"))


def call(url, token=None, body=None, timeout=20):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["X-Auth-Token"] = token
    request = urllib.request.Request(url, headers=headers,
                                     data=json.dumps(body).encode() if body else None)
    with urllib.request.urlopen(request, timeout=timeout) as answer:
        return answer.headers, json.load(answer)


def log_in(timeout=20):
    return call(KEYSTONE + "/v3/auth/tokens", body=PASSWORD_LOGIN, timeout=timeout)[0]["X-Subject-Token"]


def seconds(text):
    """Both "2026-01-02T03:04:05.000000" and "2026-01-02 03:04:05", in UTC."""
    return calendar.timegm(time.strptime(text.replace(" ", "T")[:19], "%Y-%m-%dT%H:%M:%S"))


def heartbeats(token):
    """(binary, host, up, time of the last sign of life) of everything that reports."""
    for service in call(URLS["nova"] + "/os-services", token)[1]["services"]:
        yield (service["binary"], service["host"], service["state"] == "up",
               seconds(service["updated_at"] or "1970-01-01T00:00:00"))
    for agent in call(URLS["neutron"] + "/v2.0/agents", token)[1]["agents"]:
        yield agent["binary"], agent["host"], agent["alive"], seconds(agent["heartbeat_timestamp"])


def expected(hosts):
    """Everything that must report: (binary, host)."""
    wanted = [("nova-conductor", "ctl"), ("nova-scheduler", "ctl"), ("neutron-dhcp-agent", "ctl")]
    for host in hosts:
        wanted.append(("neutron-openvswitch-agent", host))
        if host != "ctl":
            wanted.append(("nova-compute", host))
    return wanted


def dhcp_is_served(token):
    """Every network with DHCP has its dnsmasq."""
    for subnet in call(URLS["neutron"] + "/v2.0/subnets?enable_dhcp=true", token)[1]["subnets"]:
        try:
            with open(f"{STATE}/dhcp/{subnet['network_id']}/pid", encoding="ascii") as file:
                os.kill(int(file.read()), 0)
        except (OSError, ValueError):
            return False
    return True


class Waiting:
    """What has been seen so far, and what went wrong last."""

    def __init__(self, limit, started):
        self.deadline = time.monotonic() + limit
        self.started = started
        self.wanted = ["keystone", *(name for name, _ in APIS), *expected(started), "dhcp"]
        self.seen = set()
        self.problem = "nothing answered yet"

    def found(self, what):
        if what not in self.seen:
            self.seen.add(what)
            print(what if isinstance(what, str) else f"{what[0]} on {what[1]}", flush=True)

    def missing(self):
        return [what for what in self.wanted if what not in self.seen]

    def attempt(self, what, function, *arguments):
        """One question; an error is remembered, not raised."""
        try:
            return function(*arguments)
        except Exception as error:  # whatever a half-started service answers
            self.problem = f"{what}: {error}"
            return None

    def look(self, token):
        for name, url in APIS:
            if name not in self.seen and self.attempt(name, call, url, token):
                self.found(name)
        if {"nova-api", "neutron-api"} <= self.seen:
            for binary, host, up, at in self.attempt("heartbeats", lambda: list(heartbeats(token))) or ():
                if up and at >= self.started.get(host, 0):
                    self.found((binary, host))
        if ("neutron-dhcp-agent", "ctl") in self.seen and self.attempt("dhcp", dhcp_is_served, token):
            self.found("dhcp")

    def run(self):
        token = None
        while self.missing() and time.monotonic() < self.deadline:
            token = token or self.attempt("keystone", log_in)
            if token:
                self.found("keystone")
                self.look(token)
            if self.missing():
                time.sleep(0.25)
        return self.missing()


def wait(limit, started):
    waiting = Waiting(limit, started)
    missing = waiting.run()
    for what in missing:
        print("missing: " + (what if isinstance(what, str) else " on ".join(what)))
    if missing:
        print(f"last problem: {waiting.problem}")
    return 1 if missing else 0


def show():
    problems = 0

    def row(name, host, good, bad="down"):
        nonlocal problems
        problems += not good
        print(name, host, "up" if good else bad, sep="\t")

    try:
        token = log_in(timeout=5)
    except Exception as error:
        row("keystone", "ctl", False, f"no token: {error}")
        return 1
    row("keystone", "ctl", True)
    answers = set()
    for name, url in APIS:
        try:
            call(url, token, timeout=5)
            answers.add(name)
            row(name, "ctl", True)
        except Exception as error:
            row(name, "ctl", False, f"no answer: {error}")
    if {"nova-api", "neutron-api"} <= answers:
        alive = {(binary, host): up for binary, host, up, _ in heartbeats(token)}
        for what in expected(["ctl", "cmp1", "cmp2"]):
            row(*what, alive.get(what, False))
        # The agent restarts a dnsmasq now and then: none for a moment is not a fault.
        until = time.monotonic() + 3
        while not (served := dhcp_is_served(token)) and time.monotonic() < until:
            time.sleep(0.2)
        row("dhcp", "ctl", served, "no dnsmasq")
    return 1 if problems else 0


if __name__ == "__main__":
    if sys.argv[1] == "wait":
        sys.exit(wait(float(sys.argv[2]), {host: int(at) for host, at in (arg.split("=") for arg in sys.argv[3:])}))
    sys.exit(show())
