#!/usr/bin/env python3
"""Make a look-alike of /sys/devices/system/{node,cpu} with simulated NUMA cells.

    sysfs.py FOLDER CELLS CPUS PAGES

CPUs are dealt to the cells in blocks, each cell being one socket; memory and
2 MiB pages are divided evenly. The figures are those of the moment of making:
free memory and free pages do not move.
"""
import sys
from pathlib import Path


def span(first, last):
    return f"{first}-{last}" if last > first else f"{first}"


def mask(cpus):
    return f"{sum(1 << cpu for cpu in cpus):x}"


def memory():
    with open("/proc/meminfo", encoding="ascii") as lines:
        return {name: int(rest.split()[0]) for name, rest in (line.split(":") for line in lines)}


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{content}\n", encoding="ascii")


def make(root, cells, cpus, pages):
    per_cell = cpus // cells
    kib = memory()
    all_cells = span(0, cells - 1)
    write(root / "node", dict.fromkeys(
        ("online", "possible", "has_cpu", "has_memory", "has_normal_memory"), all_cells))
    write(root / "cpu", {"online": span(0, cpus - 1), "possible": span(0, cpus - 1),
                         "present": span(0, cpus - 1), "offline": "", "kernel_max": 8191})
    for cell in range(cells):
        own = range(cell * per_cell, (cell + 1) * per_cell)
        amounts = [f"Node {cell} {name + ':':<16}{kib[name] // cells:>9} kB" for name in ("MemTotal", "MemFree")]
        amounts += [f"Node {cell} HugePages_{name}: {count}" for name, count in
                    (("Total", pages // cells), ("Free", pages // cells), ("Surp", 0))]
        write(root / f"node/node{cell}", {
            "cpulist": span(own[0], own[-1]), "cpumap": mask(own), "numastat": "numa_hit 0",
            "distance": " ".join("10" if other == cell else "20" for other in range(cells)),
            "meminfo": "\n".join(amounts),
            "hugepages/hugepages-2048kB/nr_hugepages": pages // cells,
            "hugepages/hugepages-2048kB/free_hugepages": pages // cells,
            "hugepages/hugepages-2048kB/surplus_hugepages": 0})
        for cpu in own:
            (root / f"node/node{cell}/cpu{cpu}").mkdir(exist_ok=True)
            write(root / f"cpu/cpu{cpu}/topology", {
                "core_id": cpu - own[0], "physical_package_id": cell, "die_id": 0, "cluster_id": 0,
                "thread_siblings": mask([cpu]), "thread_siblings_list": cpu,
                "core_cpus": mask([cpu]), "core_cpus_list": cpu,
                "core_siblings": mask(own), "core_siblings_list": span(own[0], own[-1]),
                "package_cpus": mask(own), "package_cpus_list": span(own[0], own[-1])})
            (root / f"cpu/cpu{cpu}/node{cell}").mkdir(exist_ok=True)
            if cpu:
                write(root / f"cpu/cpu{cpu}", {"online": 1})


if __name__ == "__main__":
    make(Path(sys.argv[1]), *map(int, sys.argv[2:5]))
