"""How fast `smog scan` finds the exceptions of a big log, against ripgrep counting the
lines with the same literals: one thread each, in turn, the page cache warm.

    logs.py SMOG CACHE [--runs N] [--mib N] [--real DIR | --job]

The log is made once and kept in CACHE: what nova-compute and its like write, always the
same for the same seed, one error with a traceback in about 2,000 lines. With --real the
logs below DIR are read instead, one after the other repeated until they are as long.
Peak memory has a floor of some 15 MiB, this program's own.
"""
import argparse
import os
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import time

SEED = 20261124
# What `smog scan` looks for in a block, see watch/exception.rs.
SAME = ("Traceback (most recent call last)|Error|Exception|Fault|Timeout|NotFound|Exists|Invalid|NoValidHost")
# What a person types.
USUAL = r" ERROR | CRITICAL |Traceback \(most recent call last\)"

INFO = (
    "nova.compute.manager|Took {f:.2f} seconds to build instance.",
    "nova.compute.manager|Terminating instance",
    "nova.compute.claims|Attempting claim on node cmp{n}: memory 2048 MB, disk 20 GB, vcpus 2 CPU",
    "nova.compute.claims|Claim successful on node cmp{n}",
    "nova.virt.libvirt.driver|Creating image(s)",
    "nova.virt.libvirt.driver|Instance spawned successfully.",
    "nova.virt.libvirt.driver|Deleting instance files /var/lib/nova/instances/{u}_del",
    "nova.compute.resource_tracker|Final resource view: name=cmp{n} phys_ram=128672MB used_ram=18944MB phys_disk=893GB used_disk=160GB total_vcpus=48 used_vcpus=18 pci_stats=[]",
    "nova.osapi_compute.wsgi.server|10.77.0.{n} \"GET /v2.1/servers/detail?all_tenants=True&limit=1000 HTTP/1.1\" status: 200 len: {m} time: {f:.7f}",
    "nova.osapi_compute.wsgi.server|10.77.0.{n} \"POST /v2.1/servers/{u}/action HTTP/1.1\" status: 202 len: 380 time: {f:.7f}",
    "nova.api.openstack.wsgi|HTTP exception thrown: Instance {u} could not be found.",
)
DEBUG = (
    "oslo_concurrency.lockutils|Acquiring lock \"compute_resources\" by \"nova.compute.resource_tracker.ResourceTracker.instance_claim\" {{(pid={p}) inner /usr/lib/python3/dist-packages/oslo_concurrency/lockutils.py:402}}",
    "oslo_concurrency.lockutils|Lock \"compute_resources\" acquired by \"nova.compute.resource_tracker.ResourceTracker.update_usage\" :: waited 0.000s {{(pid={p}) inner /usr/lib/python3/dist-packages/oslo_concurrency/lockutils.py:407}}",
    "oslo_concurrency.lockutils|Lock \"{u}-events\" \"released\" by \"nova.compute.manager.InstanceEvents.pop_instance_event.<locals>._pop_event\" :: held 0.000s {{(pid={p}) inner /usr/lib/python3/dist-packages/oslo_concurrency/lockutils.py:421}}",
    "oslo_concurrency.processutils|Running cmd (subprocess): /usr/bin/python3 -m oslo_concurrency.prlimit --as=1073741824 --cpu=30 -- env LC_ALL=C LANG=C qemu-img info /var/lib/nova/instances/{u}/disk --force-share --output=json {{(pid={p}) execute /usr/lib/python3/dist-packages/oslo_concurrency/processutils.py:384}}",
    "oslo_concurrency.processutils|CMD \"/usr/bin/python3 -m oslo_concurrency.prlimit --as=1073741824 --cpu=30 -- env LC_ALL=C LANG=C qemu-img info /var/lib/nova/instances/{u}/disk --force-share --output=json\" returned: 0 in {f:.3f}s {{(pid={p}) execute /usr/lib/python3/dist-packages/oslo_concurrency/processutils.py:422}}",
    "nova.virt.libvirt.vif|vif_type=ovs instance=Instance(access_ip_v4=None,availability_zone='nova',host='cmp{n}',hostname='web-{m}',id={m},image_ref='{u}',launch_index=0,memory_mb=2048,metadata={{}},node='cmp{n}',root_gb=20,system_metadata={{boot_roles='member,reader',image_base_image_ref='{u}'}},task_state='spawning',uuid={u},vcpus=2,vm_state='building') {{(pid={p}) get_config /usr/lib/python3/dist-packages/nova/virt/libvirt/vif.py:563}}",
    "nova.compute.provider_tree|Inventory has not changed in ProviderTree for provider: {u} {{(pid={p}) update_inventory /usr/lib/python3/dist-packages/nova/compute/provider_tree.py:180}}",
    "nova.scheduler.client.report|Inventory has not changed for provider {u} based on inventory data: {{'VCPU': {{'total': 48, 'reserved': 0, 'min_unit': 1, 'max_unit': 48, 'step_size': 1, 'allocation_ratio': 4.0}}, 'MEMORY_MB': {{'total': 128672, 'reserved': 512, 'min_unit': 1, 'max_unit': 128672, 'step_size': 1, 'allocation_ratio': 1.0}}}} {{(pid={p}) set_inventory_for_provider /usr/lib/python3/dist-packages/nova/scheduler/client/report.py:954}}",
    "nova.compute.manager|Received event network-vif-plugged-{u} {{(pid={p}) external_instance_event /usr/lib/python3/dist-packages/nova/compute/manager.py:11129}}",
    "oslo_service.periodic_task|Running periodic task ComputeManager._poll_rebooting_instances {{(pid={p}) run_periodic_tasks /usr/lib/python3/dist-packages/oslo_service/periodic_task.py:210}}",
)
WARNING = (
    "nova.compute.manager|Received unexpected event network-vif-plugged-{u} for instance with vm_state active and task_state None.",
    "nova.virt.libvirt.driver|This host appears to have multiple sockets per NUMA node. The `socket` PCI NUMA affinity will not be supported.",
    "oslo.messaging._drivers.impl_rabbit|Connection failed: [Errno 111] ECONNREFUSED (retrying in 1.0 seconds): ConnectionRefusedError: [Errno 111] ECONNREFUSED",
)
THROWN = (
    ("nova.compute.manager", "Failed to build and run instance", "nova.exception.PortBindingFailed: Binding failed for port {u}, please check neutron logs for more information."),
    ("oslo_messaging.rpc.server", "Exception during message handling", "libvirt.libvirtError: internal error: process exited while connecting to monitor: qemu-system-x86_64: cannot set up guest memory 'pc.ram': Cannot allocate memory"),
    ("nova.compute.manager", "Setting instance vm_state to ERROR: nova.exception.InstanceNotFound: Instance {u} could not be found.", "nova.exception.InstanceNotFound: Instance {u} could not be found."),
    ("nova.scheduler.utils", "Error from last host: cmp{n} (node cmp{n})", "nova.exception.RescheduledException: Build of instance {u} was re-scheduled: Timed out"),
)


def generate(path, size):
    """Write a log of `size` bytes."""
    draw = random.Random(SEED)
    uuid = lambda: f"{draw.getrandbits(32):08x}-{draw.getrandbits(16):04x}-4{draw.getrandbits(12):03x}-a{draw.getrandbits(12):03x}-{draw.getrandbits(48):012x}"
    processes = [draw.randint(1000, 60000) for _ in range(4)]
    users = [f"{draw.getrandbits(128):032x} {draw.getrandbits(128):032x} - - default default" for _ in range(20)]
    instances = [uuid() for _ in range(200)]
    requests = [f"req-{uuid()}" for _ in range(40)]
    now, written = 1_764_000_000.0, 0
    part = path.with_suffix(".part")
    with open(part, "w") as out:
        while written < size:
            lines = []
            for _ in range(500):
                now += draw.expovariate(40)
                stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}"
                pid, instance = draw.choice(processes), draw.choice(instances)
                if draw.random() < 0.02:
                    requests[draw.randrange(40)] = f"req-{uuid()}"
                context = f"[None {draw.choice(requests)} {draw.choice(users)}]"
                about = f" [instance: {instance}]" if draw.random() < 0.5 else ""
                given = dict(u=instance, n=draw.randint(11, 40), m=draw.randint(1000, 99999), f=draw.random() * 9, p=pid)
                dice = draw.random()
                if dice < 0.0005:
                    logger, message, last = draw.choice(THROWN)
                    frames = []
                    for depth in range(draw.randint(9, 19)):
                        module = draw.choice(("nova/compute/manager", "nova/virt/libvirt/driver", "oslo_messaging/rpc/dispatcher", "eventlet/tpool", "nova/network/neutron"))
                        frames += [f'  File "/usr/lib/python3/dist-packages/{module}.py", line {draw.randint(20, 9000)}, in {draw.choice(("_build_and_run_instance", "spawn", "inner", "wrapped", "doit"))}',
                                   f"    return self._{draw.choice(('do', 'run', 'plug', 'create'))}_{depth}(context, instance, *args, **kwargs)"]
                    first = f"{stamp} {pid} ERROR {logger}"
                    lines.append(f"{first} {context}{about} {message.format(**given)}")
                    lines += [f"{first}{about} {line}" for line in ["Traceback (most recent call last):", *frames, last.format(**given), ""]]
                    continue
                level, messages = ("DEBUG", DEBUG) if dice < 0.7 else ("INFO", INFO) if dice < 0.99 else ("WARNING", WARNING)
                logger, message = draw.choice(messages).split("|", 1)
                lines.append(f"{stamp} {pid} {level} {logger} {context}{about} {message.format(**given)}")
            text = "\n".join(lines) + "\n"
            out.write(text)
            written += len(text)
    part.rename(path)


def gather(folder, path, size):
    """The logs below a folder, one after the other, again and again up to `size` bytes."""
    files = sorted(file for file in pathlib.Path(folder).rglob("*") if file.is_file() and ".log" in file.name and file.suffix not in (".gz", ".xz"))
    total = sum(file.stat().st_size for file in files)
    if not total:
        sys.exit(f"logs.py: no logs below {folder}")
    with open(path, "wb") as out:
        while out.tell() < size:
            for file in files:
                data = file.read_bytes()
                out.write(data if data.endswith(b"\n") or not data else data + b"\n")
    print(f"{len(files)} logs, {total / 2**20:.1f} MiB in all, repeated")


def job_folder(log, folder):
    """The log cut into 16 logs of two hosts, as a job keeps them."""
    if folder.exists():
        return
    part = folder.with_suffix(".part")
    size, at = log.stat().st_size // 16 + 1, 0
    with open(log, "rb") as source:
        while lines := source.readlines(size):
            host = ("controller", "compute1")[at % 2]
            path = part / host / "logs" / f"nova-compute-{at}.log"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"".join(lines))
            at += 1
    part.rename(folder)


def run(command):
    """Seconds of the clock, of the processor, and the peak memory in MiB."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    # A triage that found something ends with 1.
    if child.returncode > ("triage" in command):
        sys.exit(f"logs.py: {command[0]} ended with {child.returncode}")
    return time.perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("smog")
    args.add_argument("cache", type=pathlib.Path)
    args.add_argument("--runs", type=int, default=7)
    args.add_argument("--mib", type=int, default=1024)
    args.add_argument("--real", metavar="DIR")
    args.add_argument("--job", action="store_true", help="the same bytes as a job's folder of 16 logs, read with `smog logs --from`")
    args = args.parse_args()
    args.cache.mkdir(parents=True, exist_ok=True)
    if args.real:
        log = args.cache / "real.log"
        gather(args.real, log, args.mib << 20)
    else:
        log = args.cache / f"nova-{SEED}-{args.mib}.log"
        if not log.exists():
            generate(log, args.mib << 20)
    same = SAME.replace("(", r"\(").replace(")", r"\)")
    grep = ["rg", "-j1", "-c", "-a"]   # with NUL bytes in a log it would stop at them
    commands = {
        "smog scan": [args.smog, "scan", "-q", "-o", "value", log],
        "smog, every line": [args.smog, "scan", "-q", "-o", "value", "--every-line", log],
        "rg, same literals": [*grep, "--no-mmap", same, log],
        "rg, same, mmap": [*grep, "--mmap", same, log],
        "rg, usual words": [*grep, "--no-mmap", USUAL, log],
        "rg, usual, mmap": [*grep, "--mmap", USUAL, log],
    }
    if args.job:
        folder = args.cache / f"job-{SEED}-{args.mib}"
        job_folder(log, folder)
        commands = {
            "smog scan": commands["smog scan"],
            "logs --from": [args.smog, "logs", "-q", "-o", "value", "--exceptions", "--from", folder],
            "triage": [args.smog, "triage", "-q", "-o", "json", folder],
            "rg, same literals": commands["rg, same literals"],
            "rg, the folder": ["rg", "-c", "-a", "--no-mmap", same, folder],
        }
    size = log.stat().st_size
    for command in commands.values():
        run(command)   # the page cache
    runs = {name: [] for name in commands}
    loads = []
    for _ in range(args.runs):
        loads.append(os.getloadavg()[0])
        for name, command in commands.items():
            runs[name].append(run(command))
    found = subprocess.run(commands["smog scan"][:2] + commands["smog scan"][3:], capture_output=True, text=True).stderr.splitlines()[0]
    print(f"{size / 2**20:.0f} MiB; {found}; load {min(loads):.1f} to {max(loads):.1f}; medians of {args.runs} runs in turn")
    print(f"{'':18} {'MiB/s':>7} {'s':>6} {'cpu s':>6} {'peak MiB':>9}   smog scan's rate to its, pair by pair")
    for name, times in runs.items():
        clock, cpu, peak = (statistics.median(column) for column in zip(*times))
        ratios = sorted(other[0] / ours[0] for ours, other in zip(runs["smog scan"], times))
        ratio = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})" if name != "smog scan" else ""
        print(f"{name:18} {size / 2**20 / clock:7.0f} {clock:6.2f} {cpu:6.2f} {peak:9.1f}   {ratio}")


main()
