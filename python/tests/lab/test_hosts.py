"""Hosts: facts, environments, logs, and the original's helpers on them."""

import datetime
import signal
import subprocess
import sys
import threading
import time

import pytest

import smog
from smog.core.commander import Command
from smog.tests import base
from smog.tests.numa import NUMA


def test_facts_and_libvirt(lab):
    host = lab.hosts["cmp1"]
    facts = host.facts()
    assert facts.hostname == "cmp1" and facts.huge_pages[2048][0] > 0
    assert len(host.capabilities()["cells"]) == len(facts.cells)
    assert "cmp1" in lab.hosts._ipython_key_completions_()
    assert {line.name for line in lab.hosts()} >= {"ctl", "cmp1", "cmp2"}
    with pytest.raises(smog.NotFound) as unknown:
        lab.hosts["cmp"]
    assert "cmp1" in unknown.value.near


def test_a_host_without_a_cloud():
    host = smog.Host.at("cmp1")
    assert host.run("hostname").stdout.strip() == "cmp1"
    assert Command("hostname", host="cmp2")().output.strip() == "cmp2"


def test_the_originals_helpers(tmp_path):
    path = base.get_nova_conf("cmp1", dest=str(tmp_path))
    assert base.get_cfg("shutdown_timeout", path)
    assert base.get_free_hugepages("cmp1") > 0
    assert "MemTotal" in base.read_proc_file("cmp1", "/proc/meminfo").output
    numa = NUMA()
    cells = numa.get_host_numactl("cmp1")
    assert cells["number"] >= 1 and cells[0]["free"] > 0
    assert dict(numa.get_hypervisor_hosts())
    assert base.FilterVerifier(numa).verify_filter_support("ctl", "NUMATopologyFilter") in (True, False)


def test_an_environment_is_prepared_and_restored(lab):
    host, path = lab.hosts["cmp2"], "/etc/nova/nova.conf"
    before = host.read(path)
    wished = lab.environment("nova.conf:DEFAULT.shutdown_timeout=7", hosts=["cmp2"])
    plan = wished.check()
    assert not plan and not plan.is_ready
    assert [change for part in plan.hosts for change in part.changes] == [path]
    assert "+shutdown_timeout = 7" in str(plan)
    with pytest.raises(ZeroDivisionError):
        with wished:
            assert smog.OsloConfig(host.read(path)).get("DEFAULT", "shutdown_timeout") == "7"
            assert wished.check().is_ready
            raise ZeroDivisionError
    assert host.read(path) == before


INTERRUPTED = """
import signal, smog
signal.signal(signal.SIGINT, signal.default_int_handler)
cloud = smog.connect()
wished = cloud.environment("nova.conf:DEFAULT.shutdown_timeout=8", hosts=["cmp2"])
print("ready", flush=True)
try:
    wished.prepare()
except KeyboardInterrupt as stopped:
    print("stopped", *getattr(stopped, "__notes__", []), flush=True)
"""


def test_ctrl_c_takes_back_what_was_prepared(lab):
    host, path = lab.hosts["cmp2"], "/etc/nova/nova.conf"
    before = host.read(path)
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 30
    while host.read(path) == before and time.monotonic() < deadline:
        time.sleep(0.05)
    assert host.read(path) != before
    process.send_signal(signal.SIGINT)
    said = process.stdout.readline()
    process.wait(120)
    assert said.strip() == "stopped the changes were undone"
    assert host.read(path) == before


def test_what_cannot_be_had_changes_nothing(lab):
    with pytest.raises(smog.SmogError):
        lab.environment("nova.conf:no section here")
    with pytest.raises(smog.ArgumentError):
        lab.environment(huge_pages=["1G=100000"], hosts=["cmp2"]).prepare()


def test_watching_as_an_iterator(lab):
    with lab.watch(hosts=["cmp1"], files=["/tmp/py-watch-*.log"], duration=20) as watch:
        timer = threading.Timer(0.5, lambda: lab.hosts["cmp1"].run("echo one >> /tmp/py-watch-a.log", shell=True))
        timer.start()
        record = next(watch)
        timer.join()
    lab.hosts["cmp1"].run("rm", "-f", "/tmp/py-watch-a.log")
    assert (record.host, record.text) == ("cmp1", "one")
    assert next(watch, None) is None


def test_the_past_is_searched(lab):
    ago = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=6)
    records = [record for record, _ in zip(lab.watch(since=ago, follow=False, level="info"), range(50))]
    assert records and all(record.level != "DEBUG" for record in records)
    times = [record.time for record in records if record.time]
    assert times == sorted(times)


def test_a_handler_in_the_background(lab):
    seen: list[str] = []

    def handler(record: smog.Record) -> object:
        seen.append(record.text)
        return "stop" if "last" in record.text else None

    host = lab.hosts["cmp1"]
    with lab.monitor(handler, hosts=["cmp1"], files=["/tmp/py-handler-*.log"]) as watcher:
        host.run("for word in first last after; do echo $word >> /tmp/py-handler-a.log; sleep 0.3; done", shell=True)
        assert watcher.wait().stopped
    host.run("rm", "-f", "/tmp/py-handler-a.log")
    assert seen == ["first", "last"]


def test_aggregates_and_groups(lab):
    with NUMA(cloud=lab) as numa:
        aggregate = numa.create_host_aggregate("py-agg", "py=true")
        assert aggregate.metadata == {"py": "true"}
        with pytest.raises(smog.ArgumentError):
            numa.create_host_aggregate("py-agg", "no pair")
        group = numa.create_server_group("py-group", "soft-affinity")
        assert group.policy == "soft-affinity"
    assert "py-agg" not in [one.name for one in lab.aggregates()]
    assert "py-group" not in [one.name for one in lab.server_groups()]


def test_a_service_says_what_it_does(lab):
    (first,) = lab.hosts["cmp1"].guru()
    assert (first.host, first.service) == ("cmp1", "nova-compute") and "SIGUSR2" in first.way
    assert any(stacks.waits_in == "RPC messages" for stacks in first.stacks)
    assert first.configuration["default"] and first.text.count("Guru Meditation") >= 1
    (second,) = lab.hosts["cmp1"].guru("nova-compute")
    moved = first.diff(second)
    assert {one.state for one in moved} >= {"same"} and "WAITS IN" in str(first)
    (other,) = lab.hosts["cmp2"].guru()
    with pytest.raises(smog.ArgumentError, match="is not process"):
        first.diff(other)
    with pytest.raises(smog.NotFound):
        lab.hosts["cmp1"].guru("no-such-service")


def test_the_triage_of_the_hosts(lab):
    triage = lab.triage(since=datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1))
    assert triage.of == "the cloud" and triage.kinds and "COUNT" in str(triage)
    assert triage.count == sum(kind.count for kind in triage.kinds)
    only = lab.triage(hosts=["cmp1"])
    assert set(only.hosts) <= {"cmp1"}
