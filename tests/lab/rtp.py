#!/usr/bin/env python3
"""Send RTP on time, and swallow what comes back, so that no port answers "unreachable".

usage: rtp.py LOCAL:PORT REMOTE:PORT SECONDS [pt=8] [ssrc=HEX] [dtmf=DIGITS] [rtcp=1] [hold=S] [gap=FROM-TO] [switch=AT:PT]
The voice is the digital milliwatt of G.711 (1 kHz). dtmf: RFC 4733 events on payload type 101, one a
second from 1 s on, 160 ms each. rtcp: sender reports on the next port. hold: keep the port open S more.
gap: send nothing then, as a phone on hold. switch: another payload type from then on.
"""
import socket, struct, sys, time, random
addr = lambda s: (s.rpartition(':')[0].strip('[]'), int(s.rpartition(':')[2]))
local, remote, secs = addr(sys.argv[1]), addr(sys.argv[2]), float(sys.argv[3])
o = dict(x.split('=', 1) for x in sys.argv[4:])
pt, ssrc = int(o.get('pt', 8)), int(o.get('ssrc', '%x' % random.getrandbits(32)), 16)
family = socket.AF_INET6 if ':' in local[0] else socket.AF_INET
def port(n):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind((local[0], n)); return s
s = port(local[1])
try: c = port(local[1] + 1)
except OSError: c = None
tones = {0: bytes.fromhex('1e0b0b1e9e8b8b9e') * 20, 8: bytes.fromhex('34212134b4a1a1b4') * 20}
seq, ts, n, sent = random.randrange(30000), random.getrandbits(31), int(secs * 50), 0
events = [(50 * (k + 1), '0123456789*#ABCD'.index(d)) for k, d in enumerate(o.get('dtmf', ''))]
g0, g1 = (float(x) * 50 for x in o.get('gap', '0-0').split('-'))
at, to = (float(x) for x in o.get('switch', '1e9:0').split(':'))
start = time.monotonic()
for k in range(n):
    w = start + k * .02 - time.monotonic()
    if w > 0: time.sleep(w)
    if g0 <= k < g1: continue
    if k >= at * 50: pt = int(to)
    now = ts + k * 160 & 0xffffffff
    e = next(((x, ev) for x, ev in events if x <= k < x + 8), None)
    if e:                                        # 8 packets: growing, the last three say "end"
        began, ev = e; i = k - began
        body = struct.pack('!BBH', ev, (0x80 if i >= 5 else 0) | 10, min(i + 1, 6) * 160)
        head = struct.pack('!BBHII', 0x80, 101 | (0x80 if i == 0 else 0), seq, ts + began * 160 & 0xffffffff, ssrc)
        s.sendto(head + body, remote)
    else:
        s.sendto(struct.pack('!BBHII', 0x80, pt | (0x80 if k in (0, int(g1)) else 0), seq, now, ssrc) + tones[pt], remote)
    seq = seq + 1 & 0xffff; sent += 1
    if 'rtcp' in o and c and k % 100 == 99:
        t = time.time() + 2208988800
        c.sendto(struct.pack('!BBHIIIIII', 0x80, 200, 6, ssrc, int(t), int(t % 1 * 2**32), now, sent, sent * 160)
                 + struct.pack('!BBHI', 0x81, 202, 3, ssrc) + b'\1\4lab@\0\0', (remote[0], remote[1] + 1))
time.sleep(float(o.get('hold', 1)))
