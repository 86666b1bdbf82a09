#!/usr/bin/env python3
"""A phone that speaks SIP over WebSocket (RFC 7118): registers, calls 2002, talks 4 s, hangs up. usage: phone_ws.py LOCAL_IP PROXY_IP PORT"""
import base64, os, re, secrets, socket, struct, subprocess, sys, time
me, proxy, port = sys.argv[1:4]; host = secrets.token_hex(6) + '.invalid'; tag = secrets.token_hex(4)
s = socket.create_connection((proxy, int(port)))
s.sendall(f'GET / HTTP/1.1\r\nHost: {proxy}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n'
          f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\nOrigin: http://lab.example\r\n\r\n'.encode())
buf = b''
while b'\r\n\r\n' not in buf: buf += s.recv(4096)
buf = buf.split(b'\r\n\r\n', 1)[1]
def send(m):
    d = m.encode(); k = os.urandom(4); n = len(d)
    s.sendall(bytes([0x81]) + (bytes([0x80 | n]) if n < 126 else bytes([0xfe]) + struct.pack('!H', n)) + k + bytes(x ^ k[i % 4] for i, x in enumerate(d)))
def recv():
    global buf
    while True:
        if len(buf) >= 2:
            n, o = buf[1] & 127, 2
            if n == 126 and len(buf) >= 4: n, o = struct.unpack('!H', buf[2:4])[0], 4
            if len(buf) >= o + n and not (n == 126 and o == 2): m, buf = buf[o:o + n], buf[o + n:]; return m.decode()
        d = s.recv(65535)
        if not d: sys.exit('closed')
        buf += d
def msg(method, uri, cid, n, to, extra='', body=''):
    return (f'{method} {uri} SIP/2.0\r\nVia: SIP/2.0/WS {host};branch=z9hG4bK{secrets.token_hex(6)}\r\nMax-Forwards: 70\r\nFrom: <sip:1001@lab.example>;tag={tag}\r\n'
            f'To: {to}\r\nCall-ID: {cid}\r\nCSeq: {n} {method}\r\nContact: <sip:1001@{host};transport=ws>\r\n{extra}'
            + ('Content-Type: application/sdp\r\n' if body else '') + f'Content-Length: {len(body)}\r\n\r\n{body}')
send(msg('REGISTER', 'sip:lab.example', secrets.token_hex(8), 1, '<sip:1001@lab.example>', 'Expires: 300\r\n')); recv(); time.sleep(.5)
sdp = f'v=0\r\no=- 4711 1 IN IP4 {me}\r\ns=-\r\nc=IN IP4 {me}\r\nt=0 0\r\nm=audio 16384 RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n'
cid = secrets.token_hex(8); to = '<sip:2002@lab.example>'
send(msg('INVITE', 'sip:2002@lab.example', cid, 1, to, body=sdp))
while True:
    m = recv(); code = int(m.split()[1])
    if code >= 200: break
h = lambda n: re.findall(rf'(?im)^{n}: *(.*?)\r', m)
to, uri = h('To')[0], re.search('<(.*?)>', h('Contact')[0])[1]
route = ''.join(f'Route: {x.strip()}\r\n' for r in h('Record-Route')[::-1] for x in r.split(',')[::-1])
send(msg('ACK', uri, cid, 1, to, route))
subprocess.run([sys.executable, os.path.dirname(os.path.abspath(__file__)) + '/rtp.py', me + ':16384', '192.0.2.2:20000', '4', 'hold=.1'])
send(msg('BYE', uri, cid, 2, to, route)); recv(); s.close()
