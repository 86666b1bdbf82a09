#!/usr/bin/env python3
"""A small back-to-back user agent on UDP: every call from one side goes on as a new call (other Call-ID, tags) to the other.

usage: b2bua.py LISTEN_IP TARGET_IP:PORT [session_id] [x_call_id] [divert=NUMBER]
SDP is handed on as it is. session_id: hand on Session-ID (RFC 7989); else it is left out. x_call_id: the new
INVITE names the other leg's Call-ID. divert: answer 181, then call NUMBER with Diversion and History-Info.
"""
import re, secrets, socket, sys
me, target = sys.argv[1], sys.argv[2]; host = target.split(':')
opt = dict(x.partition('=')[::2] for x in sys.argv[3:])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind((me, 5060))
legs = {}                                     # Call-ID -> that leg; each leg knows the other
def parse(m):
    head, _, body = m.partition('\r\n\r\n'); first, *h = head.split('\r\n')
    return first, [tuple(x.strip() for x in l.split(':', 1)) for l in h], body
def get(h, n): return next((v for k, v in h if k.lower() == n.lower()), '')
def send(leg, first, headers, body):
    h = [f'{k}: {v}' for k, v in headers if v] + [f'Content-Length: {len(body)}']
    s.sendto(('\r\n'.join([first] + h) + '\r\n\r\n' + body).encode(), leg['addr'])
def keep(h): return [(k, v) for k, v in h if k.lower() in ('content-type', 'reason', 'supported') or k.lower() == 'session-id' and 'session_id' in opt]
def reply(leg, h, first, extra=(), body=''):
    to = get(h, 'To')
    if 'tag=' not in to: to += ';tag=' + leg['tag']
    send(leg, 'SIP/2.0 ' + first, [('Via', get(h, 'Via')), ('From', get(h, 'From')), ('To', to), ('Call-ID', get(h, 'Call-ID')), ('CSeq', get(h, 'CSeq')),
         ('Contact', f'<sip:b2bua@{me}:5060>'), *extra], body)
def request(leg, method, extra=(), body='', n=None, branch=None):
    if n is None: leg['cseq'] += 1; n = leg['cseq']
    send(leg, f"{method} {leg['uri']} SIP/2.0", [('Via', f"SIP/2.0/UDP {me}:5060;branch={branch or 'z9hG4bK' + secrets.token_hex(8)}"), ('Max-Forwards', '70'),
         ('From', leg['local']), ('To', leg['remote']), ('Call-ID', leg['id']), ('CSeq', f'{n} {method}'), ('Contact', f'<sip:b2bua@{me}:5060>'), *extra], body)
while True:
    d, addr = s.recvfrom(65535); first, h, body = parse(d.decode()); cid = get(h, 'Call-ID'); leg = legs.get(cid)
    if first.startswith('SIP/2.0'):
        code = int(first.split()[1]); n, method = get(h, 'CSeq').split()
        if not leg: continue
        o = leg['other']
        if method == 'INVITE':
            if code > 100 and 'tag=' in get(h, 'To'): leg['remote'] = get(h, 'To')
            if code >= 200:
                if code < 300: leg['uri'] = re.search('<(.*?)>', get(h, 'Contact'))[1]
                request(leg, 'ACK', n=int(n), branch=None if code < 300 else leg['branch'])
            if code > 100: reply(o, o['invite'], first.split(' ', 1)[1], keep(h), body)
        continue
    method, uri, _ = first.split()
    if method == 'INVITE' and not leg:
        leg = dict(id=cid, addr=addr, tag=secrets.token_hex(4), invite=h, cseq=0, remote=get(h, 'From'), uri=re.search('<(.*?)>', get(h, 'Contact'))[1])
        leg['local'] = get(h, 'To') + ';tag=' + leg['tag']
        new = dict(id=secrets.token_hex(12), addr=(host[0], int(host[1])), other=leg, cseq=0, local=get(h, 'From').split(';')[0] + ';tag=' + secrets.token_hex(4), remote=get(h, 'To'))
        new['branch'] = 'z9hG4bK' + secrets.token_hex(8); leg['other'] = new; legs[leg['id']], legs[new['id']] = leg, new
        user = re.search('sip:([^@]*)@', uri)[1]; extra = keep(h)
        reply(leg, [(k, v) for k, v in h], '100 Trying')
        if 'divert' in opt:
            old = f'<sip:{user}@lab.example>'; new['remote'] = f"<sip:{opt['divert']}@lab.example>"
            reply(leg, h, '181 Call Is Being Forwarded')
            extra += [('Diversion', old + ';reason=unconditional;counter=1'), ('History-Info', f'{old};index=1'), ('History-Info', f"<sip:{opt['divert']}@lab.example;cause=302>;index=1.1;mp=1")]
            user = opt['divert']
        if 'x_call_id' in opt: extra.append(('X-Call-ID', cid))
        new['uri'] = f'sip:{user}@{target}'; request(new, 'INVITE', extra, body, branch=new['branch'])
    elif leg and method == 'BYE':
        reply(leg, h, '200 OK'); request(leg['other'], 'BYE', keep(h))
