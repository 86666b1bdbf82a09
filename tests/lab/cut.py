#!/usr/bin/env python3
"""Cut the voice off behind the RTP header (lengths on the wire stay true); SIP, TLS, RTCP and all else stay whole. usage: cut.py IN.pcap OUT.pcap PORT.."""
import struct, sys
ports = set(map(int, sys.argv[3:])); d = open(sys.argv[1], 'rb').read(); o = 24
with open(sys.argv[2], 'wb') as w:
    w.write(d[:24])
    while o < len(d):
        s, ns, n, full = struct.unpack('<IIII', d[o:o + 16]); f = d[o + 16:o + 16 + n]; o += 16 + n
        if f[12:14] == b'\x08\0' and f[23] == 17 and ports & set(struct.unpack('!HH', f[34:38])): f = f[:54]
        w.write(struct.pack('<IIII', s, ns, len(f), full) + f)
