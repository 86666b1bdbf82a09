#!/bin/sh
# The whole program on a file of three million packets: CPU time a packet and peak memory of clearline,
# of tshark where it is installed, and of the floor (a walk over the file's records), in turns on one core.
#
# usage: benches/whole.sh [CORE]
set -eu
cd "$(dirname "$0")/.."
exec python3 - "${1:-1}" <<'PYTHON'
import os, shutil, statistics, subprocess, sys

core = int(sys.argv[1])
target = os.environ.get("CARGO_TARGET_DIR", "target")
subprocess.run(["cargo", "build", "--release", "--bins", "--example", "load"], check=True)
load, clearline = f"{target}/release/examples/load", f"{target}/release/clearline"
capture = f"{target}/load/calls.pcap"
if not os.path.exists(capture):
    os.makedirs(os.path.dirname(capture), exist_ok=True)
    subprocess.run([load, "write", capture], check=True, stdout=subprocess.DEVNULL)
packets = int(subprocess.run([load, "walk", capture], check=True, capture_output=True).stdout)

def run(command):
    """CPU seconds, user and system."""
    child = os.fork()
    if child == 0:
        os.sched_setaffinity(0, {core})
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.execvp(command[0], command)
    _, status, usage = os.wait4(child, 0)
    if status:
        sys.exit(f"{' '.join(command)}: status {status}")
    return usage.ru_utime + usage.ru_stime

def peak(command):
    """Peak memory, KiB; by GNU time, as a child of this interpreter would count that one's memory as its own."""
    time = ["/usr/bin/time", "-f", "%M"]
    done = subprocess.run(time + command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return int(done.stderr.split()[-1])

TURNS = 9
commands = {
    "floor: walk": ([load, "walk", capture], 1),
    "clearline analyze": ([clearline, "analyze", "--format", "json", capture], 1),
}
if shutil.which("tshark"):
    # It takes so long that every third turn will do.
    commands["tshark rtp,streams"] = (["tshark", "-q", "-z", "rtp,streams", "-r", capture], 3)
else:
    print("tshark is not installed: no ratio to it")
results = {name: [] for name in commands}
for turn in range(TURNS):
    for name, (command, every) in commands.items():
        if turn % every == 0:
            results[name].append(run(command))
cpu = {name: statistics.median(r) * 1e9 / packets for name, r in results.items()}
print(f"{packets} packets, medians of {TURNS} (tshark {TURNS // 3}), in turns on core {core}")
print(f"{'':<20}{'ns/packet':>12}{'floors':>10}{'of tshark':>12}{'MiB':>8}")
for name, r in results.items():
    tshark = cpu.get("tshark rtp,streams")
    share = f"1/{tshark / cpu[name]:.1f}" if tshark else "-"
    print(f"{name:<20}{cpu[name]:>12.1f}{cpu[name] / cpu['floor: walk']:>10.1f}{share:>12}"
          f"{peak(commands[name][0]) / 1024:>8.1f}")
PYTHON
