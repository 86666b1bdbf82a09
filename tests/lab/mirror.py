#!/usr/bin/env python3
"""Every frame of a capture twice, as a span port that copies both directions of two ports does. usage: mirror.py IN.pcap[.gz] OUT.pcap"""
import gzip, random, struct, sys
d = (gzip.open if sys.argv[1].endswith('.gz') else open)(sys.argv[1], 'rb').read(); r = random.Random(19); o, out = 24, []
while o < len(d):
    s, ns, n, full = struct.unpack('<IIII', d[o:o + 16]); t = s * 10**9 + ns; f = (d[o + 16:o + 16 + n], full); o += 16 + n
    out += [(t, f), (t + r.randrange(5_000, 100_000), f)]        # 5 to 100 µs later
with open(sys.argv[2], 'wb') as w:
    w.write(d[:24])
    for t, (f, full) in sorted(out, key=lambda x: x[0]): w.write(struct.pack('<IIII', t // 10**9, t % 10**9, len(f), full) + f)
