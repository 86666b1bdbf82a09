#!/bin/sh
# Live capture on veth, in a network namespace of its own: the highest rate without loss, and CPU time a packet, of
# the ring and of pnet's datalink (each bare, and with the whole program behind it) and of libpcap (tcpdump -w
# /dev/null), all with the same sender and the same packets, in turns. Needs root, iproute2, tcpreplay, tcpdump.
#
# usage: benches/live.sh
set -eu
cd "$(dirname "$0")/.."
exec python3 - <<'PYTHON'
import os, re, statistics, subprocess, sys, time

target = os.environ.get("CARGO_TARGET_DIR", "target")
subprocess.run(["cargo", "build", "--release", "--bins", "--example", "load"], check=True)
load, clearline = f"{target}/release/examples/load", f"{target}/release/clearline"
capture = f"{target}/load/live.pcap"
os.makedirs(os.path.dirname(capture), exist_ok=True)
sent = int(subprocess.run([load, "write", capture, "500", "20"], check=True, capture_output=True).stdout)
net = f"ring-bench{os.getpid()}"
inside = ["ip", "netns", "exec", net]

def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout

def send(rate):
    """Packets a second that were reached, and how many in all."""
    # Slower ones for four seconds.
    speed = ["--topspeed"] if rate is None else [f"--pps={rate}", f"--limit={min(sent, 4 * rate)}"]
    told = run(*inside, "tcpreplay", "-q", "-K", *speed, "-i", "ring-a", capture)
    return float(re.search(r"([\d.]+) pps", told)[1]), int(re.search(r"Actual: (\d+)", told)[1])

def cpu(process):
    """Nanoseconds, of all threads."""
    tasks = f"/proc/{process.pid}/task"
    return sum(int(open(f"{tasks}/{task}/schedstat").read().split()[0]) for task in os.listdir(tasks))

def counted():
    ask = "exec 3<>/dev/tcp/127.0.0.1/9768; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    told = run(*inside, "bash", "-c", ask)
    value = lambda of: int(float(re.search(rf"^clearline_capture_{of} (\S+)", told, re.M)[1]))
    return value(r"packets_total\S+"), value(r"dropped_packets_total\S+queue\S+")

def turn(name, rate):
    """Rate reached, share of packets lost, CPU ns a packet of those that were not."""
    environment = dict(os.environ, CLEARLINE_CAPTURE="pnet" if "pnet" in name else "ring")
    if name.startswith("clearline"):
        command = [clearline, "probe", "-i", "ring-b", "--workers", "1", "--log.level", "error"]
    elif name.startswith("bare"):
        command = [load, "listen", "ring-b", "pnet" if "pnet" in name else "ring"]
    else:
        command = ["tcpdump", "-i", "ring-b", "-B", "65536", "-w", "/dev/null"]
    reader = subprocess.Popen(inside + command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True)
    time.sleep(1.5)
    before = cpu(reader)
    reached, all_sent = send(rate)
    time.sleep(1.5)
    used = cpu(reader) - before
    if name.startswith("clearline"):
        heard, queued = counted()
        # Packets that the front had no time for were captured all the same.
        heard -= queued
        reader.terminate()
        reader.wait()
    elif name.startswith("bare"):
        heard = int(reader.communicate()[0])
    else:
        reader.send_signal(2)
        heard = int(re.search(r"(\d+) packets captured", reader.communicate()[1])[1])
    # A namespace is never quite silent: more than was sent is no loss.
    return reached, max(0, 1 - heard / all_sent), used / heard

TURNS = 3
SLOWER = [200_000, 100_000, 50_000, 20_000, 10_000]
readers = ["bare ring", "clearline, ring", "tcpdump (libpcap)", "bare pnet", "clearline, pnet"]
run("ip", "netns", "add", net)
try:
    run(*inside, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
    run(*inside, "ip", "link", "set", "lo", "up")
    run(*inside, *"ip link add ring-a type veth peer name ring-b".split())
    for end in ("ring-a", "ring-b"):
        run(*inside, "ip", "link", "set", end, "up")
    full = {name: [] for name in readers}
    for _ in range(TURNS):
        for name in readers:
            full[name].append(turn(name, None))
    print(f"{sent} packets a turn, medians of {TURNS} at full speed, one worker")
    print(f"{'':<20}{'sent/s':>10}{'lost %':>8}{'CPU ns/packet':>15}{'of bare ring':>14}{'no loss up to/s':>17}")
    for name in readers:
        rate, lost, ns = (statistics.median(of) for of in zip(*full[name]))
        floor = statistics.median(ns for _, _, ns in full[readers[0]])
        best = rate if not any(lost for _, lost, _ in full[name]) else None
        for slower in SLOWER:
            if best is None:
                reached, some, _ = turn(name, slower)
                best = reached if some == 0 else None
        shown = f"{best:,.0f}" if best else "-"
        print(f"{name:<20}{rate:>10,.0f}{100 * lost:>8.2f}{ns:>15.0f}{ns / floor:>14.1f}{shown:>17}", flush=True)
finally:
    subprocess.run(["ip", "netns", "del", net])
PYTHON
