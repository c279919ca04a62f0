"""Runs in ctl (started by tests/guests-work): what a guest of the lab can do.

Prints "ok" and "not ok" lines; exit 1 if any is not ok. Everything it makes is
named lab-test-… and removed again.
"""
import subprocess
import sys
import time

sys.path.insert(0, "/usr/local/lib/smog-lab")
from cloud import connect  # noqa: E402

cloud = connect()
compute = cloud.compute
compute.default_microversion = "2.90"
NETWORK = cloud.network.find_network("private").id
IMAGE = cloud.image.find_image("cirros").id
PREFIX = "lab-test-"
failures = 0


def report(good, what, detail=""):
    global failures
    failures += not good
    print(("ok      " if good else "not ok  ") + what + (f"  ({detail})" if detail else ""), flush=True)
    return good


def check(what):
    """Decorator: run the function now, report how it went and how long it took."""
    def run(function):
        began = time.monotonic()
        try:
            detail = function()
            report(True, what, f"{time.monotonic() - began:.1f} s" + (f", {detail}" if detail else ""))
        except Exception as error:
            report(False, what, f"{type(error).__name__}: {error}")
    return run


def until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} not within {seconds} s")
        time.sleep(0.3)


def on(host, command):
    answer = subprocess.run(["ssh", "-o", "BatchMode=yes", f"root@{host}", command], capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"{host}: {command}: {answer.stderr.strip()}")
    return answer.stdout


def flavor(name, vcpus=1, ram=128, **specs):
    made = compute.create_flavor(name=PREFIX + name, vcpus=vcpus, ram=ram, disk=0)
    if specs:
        compute.create_flavor_extra_specs(made, {key.replace("__", ":"): value for key, value in specs.items()})
    return made


def boot(name, flavor_id, host=None, network=True, **more):
    server = compute.create_server(
        name=PREFIX + name, image_id=IMAGE, flavor_id=flavor_id, **({"host": host} if host else {}),
        networks=[{"uuid": NETWORK}] if network else "none", **more)
    return compute.wait_for_server(server, wait=90, interval=0.3)


def host_of(server):
    return compute.get_server(server.id).hypervisor_hostname


def domain_of(server):
    return compute.get_server(server.id).instance_name


def address_of(server):
    return next(iter(compute.get_server(server.id).addresses.values()))[0]["addr"]


def ping(address):
    namespace = f"qdhcp-{NETWORK}"
    return subprocess.run(["ip", "netns", "exec", namespace, "ping", "-c1", "-W1", address],
                          capture_output=True).returncode == 0


def console(server):
    return compute.get_server_console_output(server.id)["output"]


def live_migrate(server):
    before = host_of(server)
    compute.live_migrate_server(server, host=None, block_migration="auto")

    def done():
        # Zed's SDK has no filter by server: ask the API itself.
        rows = compute.get(f"/os-migrations?instance_uuid={server.id}").json()["migrations"]
        newest = max(rows, key=lambda row: row["id"], default={"status": "none"})
        if newest["status"] in ("error", "failed", "cancelled"):
            raise RuntimeError(f"migration is {newest['status']}")
        return newest["status"] == "completed" and compute.get_server(server.id).status == "ACTIVE"

    until(done, 90, "live migration")
    after = host_of(server)
    if after == before:
        raise RuntimeError(f"still on {before}")
    return f"{before} to {after}"


def pinned_threads(server):
    """{thread name: allowed CPUs} of the guest's vCPU threads, from /proc."""
    text = on(host_of(server), f"for t in /proc/$(cat /run/libvirt/qemu/{domain_of(server)}.pid)/task/*; do "
              "echo \"$(cat $t/comm):$(awk '/^Cpus_allowed_list/ {print $2}' $t/status)\"; done")
    return dict(line.rsplit(":", 1) for line in text.splitlines() if line.startswith("CPU "))


def pages_of(server):
    """How many 2 MiB pages the guest's process holds: the machine's pool is not the lab's alone."""
    text = on(host_of(server), f"cat /proc/$(cat /run/libvirt/qemu/{domain_of(server)}.pid)/status")
    return next(int(line.split()[1]) // 2048 for line in text.splitlines() if line.startswith("HugetlbPages"))


def clean():
    servers = [s for s in compute.servers() if s.name.startswith(PREFIX)]
    for server in servers:
        compute.delete_server(server, force=False)
    for server in servers:
        compute.wait_for_delete(server, wait=60, interval=0.3)
    for group in list(compute.server_groups()):
        if group.name.startswith(PREFIX):
            compute.delete_server_group(group)
    for kind in list(compute.flavors()):
        if kind.name.startswith(PREFIX):
            compute.delete_flavor(kind)


clean()
guests = {}
plain = flavor("plain")


@check("a guest with a port becomes ACTIVE on each compute")
def _():
    for host in ("cmp1", "cmp2"):
        guests[host] = boot(f"on-{host}", plain.id, host)


@check("the console log holds the guest's report")
def _():
    until(lambda: "smog-guest report end" in console(guests["cmp1"]), 60, "report")


@check("each guest has its DHCP lease")
def _():
    for guest in guests.values():
        until(lambda: address_of(guest) + "/24" in console(guest), 60, f"lease of {guest.name}")


@check("each guest answers ping from the DHCP server's namespace")
def _():
    for guest in guests.values():
        until(lambda: ping(address_of(guest)), 30, f"answer of {guest.name}")


def type_into(server, line):
    """Type a line at the guest's serial console. QEMU looks once per second whether
    someone holds the terminal open, so hold it long enough."""
    on(host_of(server), f"tty=$(virsh ttyconsole {domain_of(server)}); "
       f"{{ sleep 1.5; printf '\\n%s\\n' '{line}'; sleep 1.5; }} >$tty")


@check("the guests reach each other: ping and TCP")
def _():
    one, two = guests["cmp1"], guests["cmp2"]
    type_into(two, "nc -l -p 99 -e echo greeting-over-tcp &")
    type_into(one, f"ping -c 2 -W 3 {address_of(two)} && echo ping-$((40+2))-ok; nc -w 5 {address_of(two)} 99")
    until(lambda: "ping-42-ok" in console(one), 30, "ping between the guests")
    until(lambda: "greeting-over-tcp" in console(one), 15, "TCP between the guests")


@check("live migration there and back, with a port")
def _():
    guest = guests["cmp1"]
    there = live_migrate(guest)
    until(lambda: ping(address_of(guest)), 30, "ping after the migration")
    return there + ", " + live_migrate(guest)


@check("ACPI shutdown is obeyed")
def _():
    guest = guests["cmp2"]
    compute.stop_server(guest)
    compute.wait_for_server(guest, status="SHUTOFF", wait=60, interval=0.3)
    log = on("cmp2", f"grep -c '{guest.id}.*Instance failed to shutdown' /var/log/nova/nova-compute.log || true").strip()
    if log != "0":
        raise RuntimeError("nova had to pull the plug")


@check("a pinned guest's vCPU thread may run on the dedicated CPU only")
def _():
    guests["pinned"] = boot("pinned", flavor("pinned", hw__cpu_policy="dedicated").id, network=False)
    threads = pinned_threads(guests["pinned"])
    xml = on(host_of(guests["pinned"]), f"virsh dumpxml {domain_of(guests['pinned'])}")
    if "vcpupin" not in xml or len(threads) != 1:
        raise RuntimeError(f"threads {threads}")
    return str(threads)


@check("a pinned guest migrates live there and back")
def _():
    return live_migrate(guests["pinned"]) + ", " + live_migrate(guests["pinned"])


@check("a guest with huge pages holds them")
def _():
    guests["large"] = boot("large", flavor("large", hw__mem_page_size="large").id)
    # QEMU touches them as the guest does; all are reserved from the start.
    taken = until(lambda: pages_of(guests["large"]), 30, "any huge page")
    if taken > 64:
        raise RuntimeError(f"took {taken}")
    return f"{taken} touched"


@check("a guest with huge pages migrates live there and back")
def _():
    return live_migrate(guests["large"]) + ", " + live_migrate(guests["large"])


@check("cold migration, confirmed")
def _():
    guest = guests["cmp1"]
    before = host_of(guest)
    compute.migrate_server(guest)
    compute.wait_for_server(guest, status="VERIFY_RESIZE", wait=90, interval=0.3)
    compute.confirm_server_resize(guest)
    compute.wait_for_server(guest, status="ACTIVE", wait=60, interval=0.3)
    if host_of(guest) == before:
        raise RuntimeError(f"still on {before}")


@check("resize, confirmed")
def _():
    guest = guests["cmp1"]
    compute.resize_server(guest, flavor("bigger", ram=192).id)
    compute.wait_for_server(guest, status="VERIFY_RESIZE", wait=90, interval=0.3)
    compute.confirm_server_resize(guest)
    compute.wait_for_server(guest, status="ACTIVE", wait=60, interval=0.3)


@check("anti-affinity spreads two guests; a third is refused")
def _():
    group = compute.create_server_group(name=PREFIX + "apart", policy="anti-affinity")
    pair = [boot(f"apart-{n}", plain.id, network=False, scheduler_hints={"group": group.id}) for n in (1, 2)]
    if host_of(pair[0]) == host_of(pair[1]):
        raise RuntimeError("both on one host")
    third = compute.create_server(name=PREFIX + "apart-3", image_id=IMAGE, flavor_id=plain.id, networks="none",
                                  scheduler_hints={"group": group.id})
    until(lambda: compute.get_server(third.id).status == "ERROR", 30, "refusal of the third")


@check("an aggregate with extra specs decides the host")
def _():
    aggregate = compute.create_aggregate(name=PREFIX + "aggregate")
    try:
        compute.add_host_to_aggregate(aggregate, "cmp2")
        compute.set_aggregate_metadata(aggregate, {"smog_test": "yes"})
        kind = flavor("aggregate", aggregate_instance_extra_specs__smog_test="yes")
        server = boot("aggregate", kind.id, network=False)
        if host_of(server) != "cmp2":
            raise RuntimeError(f"on {host_of(server)}")
    finally:
        compute.remove_host_from_aggregate(aggregate, "cmp2")
        compute.delete_aggregate(aggregate)


if len(sys.argv) > 1 and sys.argv[1] == "cells":
    @check("a guest with two NUMA cells, pinned, sees two cells")
    def _():
        kind = flavor("two-cells", vcpus=2, ram=256, hw__numa_nodes="2", hw__cpu_policy="dedicated",
                      hw__mem_page_size="large")
        server = boot("two-cells", kind.id, network=False)
        until(lambda: "numa nodes: 2" in console(server), 60, "two cells in the guest's report")
        return str(pinned_threads(server))


@check("everything is removed again")
def _():
    clean()
    for host in ("cmp1", "cmp2"):
        until(lambda: not on(host, "virsh list --all --name").strip(), 20, f"no domain on {host}")


print(f"{failures} not ok" if failures else "all ok")
sys.exit(1 if failures else 0)
