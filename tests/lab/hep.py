#!/usr/bin/env python3
"""Send the SIP (type 1) and RTCP (type 5, as JSON) of a capture to a HEP collector as HEP3, in its own time.
usage: hep.py udp|tcp HOST:PORT IN.pcap.gz"""
import gzip, json, re, socket, struct, sys, time
how, target, d = sys.argv[1], sys.argv[2].split(':'), gzip.open(sys.argv[3], 'rb').read()
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if how == 'tcp' else socket.SOCK_DGRAM); s.connect((target[0], int(target[1])))
if how == 'tcp': s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
chunk = lambda k, v: struct.pack('!HHH', 0, k, 6 + len(v)) + v
o, t0, start, cid = 24, None, time.monotonic(), b''; shift = None
while o < len(d):
    sec, ns, n, _ = struct.unpack('<IIII', d[o:o + 16]); f = d[o + 16:o + 16 + n]; o += 16 + n; t = sec + ns / 1e9
    sp, dp = struct.unpack('!HH', f[34:38]); p = f[42:]
    if 5060 in (sp, dp): kind = 1; cid = re.search(rb'(?im)^Call-ID: *(\S+)', p)[1]
    elif p[1:2] == b'\xc8':
        ssrc, a, b, ts, pk, oc = struct.unpack('!IIIIII', p[4:28]); kind = 5
        p = json.dumps(dict(type=200, ssrc=ssrc, report_count=0, sender_information=dict(ntp_timestamp_sec=a, ntp_timestamp_usec=b * 10**6 >> 32, rtp_timestamp=ts, packets=pk, octets=oc), report_blocks=[])).encode()
    else: continue
    t0 = t0 or t; w = start + t - t0 - time.monotonic()
    if w > 0: time.sleep(w)
    now = time.time()
    b = (chunk(1, b'\2') + chunk(2, b'\x11') + chunk(3, f[26:30]) + chunk(4, f[30:34]) + chunk(7, f[34:36]) + chunk(8, f[36:38]) + chunk(9, struct.pack('!I', int(now)))
         + chunk(10, struct.pack('!I', int(now % 1 * 1e6))) + chunk(11, bytes([kind])) + chunk(12, struct.pack('!I', 77)) + chunk(17, cid) + chunk(15, p))
    s.sendall(b'HEP3' + struct.pack('!H', 6 + len(b)) + b)
time.sleep(.3); s.close()
