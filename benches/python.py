"""What the Python face costs: `import smog`, and `discover()` compared with the core's own time.

Run by `./bench python`, with smog's wheel in the interpreter's environment and the lab's
variables set. Exits with 1 when a limit is missed.
"""

import statistics
import subprocess
import sys
import time

RUNS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
IMPORT = "import time; begun = time.perf_counter(); import smog; print(time.perf_counter() - begun)"


def main() -> int:
    imports = [
        float(subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True, check=True).stdout)
        for _ in range(RUNS)
    ]
    import smog
    from smog import _smog

    cloud = smog.connect()
    cloud.discover()  # connects to the hosts
    walls, cores = [], []
    for _ in range(RUNS):
        begun = time.perf_counter()
        guests = cloud.discover()
        walls.append(time.perf_counter() - begun)
        cores.append(_smog.core_seconds())
    import_ms = statistics.median(imports) * 1e3
    wall_ms, core_ms = statistics.median(walls) * 1e3, statistics.median(cores) * 1e3
    more = statistics.median((wall - core) / core for wall, core in zip(walls, cores)) * 100
    print(f"import smog: {import_ms:.1f} ms (limit 30)")
    print(f"discover() of {len(guests)} guests: {wall_ms:.1f} ms, of which the core {core_ms:.1f} ms: {more:.1f} % more (limit 5)")
    return int(import_ms >= 30 or more >= 5)


if __name__ == "__main__":
    sys.exit(main())
