"""Guests from the API down to the kernel."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

import smog
from smog import aio


def test_a_guest_in_all_layers(lab, one):
    assert one.status == "ACTIVE"
    domain = one.domain()
    assert domain.uuid == one.id and domain.name == one.virt_name
    assert domain.memory_kib == 64 << 10
    assert one.dumpxml() == domain.xml()
    process = one.process()
    assert process.uuid == one.id and 0 in process.vcpu_affinity
    assert all(row.agrees for row in one.compare())
    assert lab.guests[one.name] == one
    assert lab.guests[one.id[:8]].id == one.id
    assert one.name in lab.guests._ipython_key_completions_()
    assert one.to_dict()["domain"]["name"] == domain.name


def test_discovery(lab, one):
    everyone = lab.discover()
    assert everyone.problems == []
    assert one in everyone
    (found,) = lab.discover(guests=[one])
    assert found.seen is not None and found.seen.uuid == one.id
    assert one.name in repr(everyone) and "<table>" in everyone._repr_html_()
    assert one.name in str(lab.topology()) and "smog-topology" in lab.topology()._repr_html_()


def test_it_moves_and_the_same_object_knows(lab, one):
    if len(lab.hypervisors()) < 2:
        pytest.skip("one compute host only")
    before = one.host
    one.live_migrate()
    assert one.host != before
    assert one.domain().uuid == one.id
    with pytest.raises(smog.NotFound) as unknown:
        one.live_migrate("cmp9")
    assert unknown.value.near


def test_orders(one):
    one.stop()
    assert one.status == "SHUTOFF"
    with pytest.raises(smog.SmogError):
        one.stop()
    one.start()
    assert one.status == "ACTIVE"


def test_a_boot_that_fails(lab):
    spec = smog.FlavorSpec(f"py-big-{os.urandom(3).hex()}", ram_mib=4 << 20)
    with pytest.raises(smog.BootException) as failed:
        lab.boot(spec.name, flavor=spec)
    guest = lab.guest(spec.name).refresh()
    assert failed.value.request_id.startswith("req-") and failed.value.hint
    assert guest.status == "ERROR" and "No valid host" in guest.fault
    guest.delete()
    assert spec.name not in [flavor.name for flavor in lab.flavors()]


INTERRUPTED = """
import signal, smog
signal.signal(signal.SIGINT, signal.default_int_handler)
cloud = smog.connect()
print("ready", flush=True)
try:
    cloud.boot("{name}", flavor=smog.FlavorSpec("{name}", ram_mib=64))
except KeyboardInterrupt as stopped:
    print("stopped", *getattr(stopped, "__notes__", []), flush=True)
"""


def test_ctrl_c_takes_a_boot_back(lab, gone):
    name = f"py-int-{os.urandom(3).hex()}"
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED.format(name=name)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n"
    deadline = time.monotonic() + 30
    while not lab.servers(name=name) and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    said = process.stdout.readline()
    process.wait(70)
    assert said.strip() == "stopped nothing is left behind"
    gone(name)


def test_threads_share_a_cloud(lab):
    found = []
    threads = [threading.Thread(target=lambda: found.append(len(lab.flavors()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8


def test_a_forked_child_logs_in_anew(lab):
    code = """
import os, smog
cloud = smog.connect()
cloud.host("cmp1").run("true")
if (pid := os.fork()) == 0:
    print("child", cloud.host("cmp1").run("echo", "asks").stdout, len(cloud.hypervisors()) > 0, flush=True)
    os._exit(0)
print(os.waitpid(pid, 0)[1], cloud.host("cmp1").run("echo", "parent").stdout)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.split() == ["child", "asks", "True", "0", "parent"], ran


def test_awaitables(lab):
    import asyncio

    async def both():
        cloud = await aio.connect()
        return await asyncio.gather(aio.call(cloud.flavors), aio.call(cloud.images), aio.call(cloud.hosts))

    flavors, images, hosts = asyncio.run(both())
    assert flavors and images["cirros"].name == "cirros" and len(hosts) >= 2


def test_any_call(lab):
    answer = lab.call("compute", "GET", "/os-hypervisors", microversion="2.53")
    assert len(answer["hypervisors"]) == len(lab.hypervisors())
    assert lab.calls[-1].request_id.startswith("req-")
    with pytest.raises(smog.ApiError) as refused:
        lab.call("compute", "GET", "/no-such-thing")
    assert refused.value.status == 404
