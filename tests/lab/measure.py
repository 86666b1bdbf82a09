#!/usr/bin/env python3
"""Measure every capture with tshark, hold the stories against it, write stories.json and README.md. usage: measure.py DIR"""
import collections, json, os, struct, subprocess, sys, tempfile
from calls import ALL
out = sys.argv[1]
F = ['frame.number', 'frame.time_epoch', 'ip.src', 'ipv6.src', 'ip.dst', 'ipv6.dst', 'udp.srcport', 'udp.dstport', 'sip.Method', 'sip.Status-Code', 'sip.CSeq.method', 'sip.CSeq.seq',
     'sip.Call-ID', 'sip.from.tag', 'sip.to.tag', 'sip.from.user', 'sip.Via.branch', 'udp.payload', 'rtp.ssrc', 'rtp.p_type', 'rtp.timestamp']
def rows(f):
    a = ['tshark', '-n', '-r', f, '-d', 'tcp.port==8080,http', '--enable-heuristic', 'rtp_udp', '-o', 'rtp.show_setup_info:FALSE',
         '-T', 'fields', '-E', 'separator=\x1f', '-E', 'occurrence=f']
    for x in F: a += ['-e', x]
    for l in subprocess.run(a, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout.splitlines():
        r = dict(zip(F, l.split('\x1f'))); r['t'] = float(r['frame.time_epoch']); r['src'] = r['ip.src'] or r['ipv6.src']; r['dst'] = r['ip.dst'] or r['ipv6.dst']; yield r
def unwrapped(f):
    """This tshark knows no HEP: take the SIP out of HEP3, as IPv4 and UDP with the addresses of the chunks."""
    got = subprocess.run(['tshark', '-n', '-r', f, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'udp.payload', '-e', 'tcp.payload'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    p = tempfile.NamedTemporaryFile(suffix='.pcap', delete=False); p.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, 228)); data = b''; n = 0
    for l in got.splitlines():
        t, u, c = (l.split('\t') + ['', ''])[:3]; s, _, ns = t.partition('.'); data += bytes.fromhex(u or c)
        while len(data) > 6 and len(data) >= int.from_bytes(data[4:6], 'big'):
            m, data = data[:int.from_bytes(data[4:6], 'big')], data[int.from_bytes(data[4:6], 'big'):]; assert m[:4] == b'HEP3'; c, o = {}, 6
            while o < len(m): k, ln = struct.unpack('!HH', m[o + 2:o + 6]); c[k] = m[o + 6:o + ln]; o += ln
            if c[11] != b'\1': continue
            q = struct.pack('!BBHHHBBH', 0x45, 0, 28 + len(c[15]), 0, 0, 64, 17, 0) + c[3] + c[4] + c[7] + c[8] + struct.pack('!HH', 8 + len(c[15]), 0) + c[15]
            p.write(struct.pack('<IIII', int(s), int(ns), len(q), len(q)) + q)
    p.close(); return p.name
def measure(f):
    if '/hep_' in f: f = unwrapped(f)
    R = list(rows(f)); sip = [r for r in R if r['sip.CSeq.method']]; rtp = collections.Counter(); events = {}
    seen, again, copies = {}, 0, 0
    for r in sip:
        if r['udp.payload']:
            k = (r['src'], r['dst'], r['udp.payload'])
            if k in seen:
                if r['t'] - seen[k] < .001: copies += 1
                else: again += 1; seen[k] = r['t']
            else: seen[k] = r['t']
    frames = 0; last = {}
    for r in R:
        k = (r['src'], r['dst'], r['udp.payload'])
        if r['udp.payload']:
            if k in last and r['t'] - last[k] < .00011: frames += 1
            last[k] = r['t']
        if r['rtp.ssrc']:
            key = (r['src'] + ' ' + r['udp.srcport'], r['dst'] + ' ' + r['udp.dstport']); rtp[key] += 1
            if r['rtp.p_type'] == '101': events.setdefault(key, set()).add(r['rtp.timestamp'])
    m = dict(sip=len(sip), frames=len(R), span_s=round(R[-1]['t'] - R[0]['t'], 3) if R else 0, retransmissions=again, copies=copies, frame_copies=frames)
    m['rtp'] = [dict(src=a, dst=b, packets=n) for (a, b), n in sorted(rtp.items())]; m['events'] = {k[0]: len(v) for k, v in events.items()}
    m['statuses'] = dict(collections.Counter(f"{r['sip.CSeq.method']} {r['sip.Status-Code']}" for r in sip if r['sip.Status-Code']))
    m['requests'] = dict(collections.Counter(r['sip.Method'] for r in sip if r['sip.Method']))
    def times(s):
        inv = [r for r in s if r['sip.Method'] == 'INVITE']
        if not inv: return {}
        # What the caller saw: the responses that went to its host.
        t0 = inv[0]['t']; res = [r for r in s if r['sip.CSeq.method'] == 'INVITE' and r['sip.Status-Code'] and r['dst'] == inv[0]['src']]
        prov = next((r['t'] for r in res if 100 < int(r['sip.Status-Code']) < 300), None); ok = next((r['t'] for r in res if 200 <= int(r['sip.Status-Code']) < 300), None)
        bye = [r['t'] for r in s if r['sip.Method'] == 'BYE']
        d = lambda a, b, k: None if a is None or b is None else round((b - a) * k, 3)
        finals = [int(r['sip.Status-Code']) for r in res if int(r['sip.Status-Code']) >= 200]
        return dict(post_dial_delay_ms=d(t0, prov, 1000), answer_delay_ms=d(t0, ok, 1000), duration_s=d(ok, bye[-1] if bye else None, 1), finals=finals)
    m['times'] = lambda keep: times([r for r in sip if keep(r)]); m['rows'] = sip
    return m
def legs(sip):
    """Dialogs: Call-ID and the two tags, from provisional or 2xx answers to INVITE; a Call-ID without any counts once."""
    L = {}
    for r in sip:
        if r['sip.CSeq.method'] != 'INVITE': continue
        s = L.setdefault(r['sip.Call-ID'], set())
        if r['sip.Status-Code'] and 100 < int(r['sip.Status-Code']) < 300 and r['sip.to.tag']: s.add(frozenset((r['sip.from.tag'], r['sip.to.tag'])))
    return sum(max(1, len(s)) for s in L.values())
stories, table, bad = {}, [], 0
for n, (f, how, story) in ALL.items():
    p = f'{out}/{n}.pcap.gz'
    if not os.path.exists(p): print('missing', n); continue
    m = measure(p); story = json.loads(json.dumps(story)); wrong = []
    for e in story['each']:
        mine = (lambda r: True) if story['calls'] == 1 else (lambda r, u=e['from']: any(x['sip.from.user'] == u and x['sip.Call-ID'] == r['sip.Call-ID'] and x['sip.Method'] == 'INVITE' for x in m['rows']))
        t = m['times'](mine)
        if t:
            got = legs([r for r in m['rows'] if mine(r)])
            if got != e['legs']: wrong.append(f"legs {got} not {e['legs']}")
            if e['status'] not in (t['finals'] or [None]): wrong.append(f"finals {t['finals']}")
            e.update({k: t[k] for k in ('post_dial_delay_ms', 'answer_delay_ms', 'duration_s')})
        elif story.get('transport') != 'tls': wrong.append('no INVITE seen')
    if m['retransmissions'] != story.get('retransmissions', 0): wrong.append(f"retransmissions {m['retransmissions']}")
    story['retransmissions'] = m['retransmissions']; kpis = {}
    for method, key in (('REGISTER', 'rrd_ms'), ('BYE', 'sdd_ms')):          # RFC 6076, of those answered 200
        v = []; start = None; told = set()
        # A back-to-back user agent's second leg is no session of its own.
        hop = any(j in ('numbers', 'session_id', 'header') for e in story['each'] for j in e['joins'])
        for q in m['rows']:
            if q['sip.Method'] != method: continue
            if method == 'BYE' and (q['sip.Call-ID'] in told or (hop and told)): continue
            told.add(q['sip.Call-ID'])
            a = next((r for r in m['rows'] if r['sip.Status-Code'] and (r['sip.Call-ID'], r['sip.CSeq.seq'], r['sip.CSeq.method']) == (q['sip.Call-ID'], q['sip.CSeq.seq'], method) and r['src'] == q['dst'] and r['dst'] == q['src']), None)
            # A challenge is inside (RFC 6076 4.1).
            if method == 'REGISTER': start = start or q['t']
            if a and a['sip.Status-Code'] == '200': v.append(round((a['t'] - (start or q['t'])) * 1000, 3)); start = None
        if v and n != 'mirrored': kpis[key] = v
    if kpis: story['kpis'] = kpis
    story['mirror_copies'] = m['copies']
    if n == 'mirrored': story['mirror_copies_frames'] = m['frame_copies']
    elif m['copies']: wrong.append('copies')
    if 'dtmf' in story and [m['events'].get('192.0.2.1 16384'), m['events'].get('192.0.2.2 20000')] != list(story['dtmf'].values()): wrong.append(f"events {m['events']}")
    story.setdefault('audio', []); story.setdefault('transport', 'udp'); story['rtp'] = m['rtp']; story['span_s'] = m['span_s']
    for r in story.get('reports', ()): r['call_id'] = next(x['sip.Call-ID'] for x in m['rows'] if x['sip.Method'] == 'INVITE')
    stories[n] = dict(how=how, story=story); bad += bool(wrong); size = os.path.getsize(p)
    table.append(f'| `{n}` | {size} | {how} |')
    if '-v' in sys.argv or wrong: print(n, size, m['requests'], m['statuses'], m['rtp'], story['each'], m['span_s'], 'WRONG: ' + '; '.join(wrong) if wrong else '')
json.dump(stories, open(out + '/stories.json', 'w'), indent=1); open(out + '/stories.json', 'a').write('\n')
open(out + '/README.md', 'w').write('''# Captures of calls

Small real exchanges between real programs in network namespaces, made by [`../../lab`](../../lab). Addresses are those kept for
documentation. `stories.json` says of each what happened, as known from how it was made and measured with tshark.
In it, `null` is "not claimed"; the direction of an `audio` fault is the one that fails; `legs` are dialogs (a Call-ID and two
tags, each early dialog of a fork too, a proxy's hop not); `retransmissions` are SIP datagrams sent again; `mirror_copies` are
SIP messages seen a second time; `kpis` are each REGISTER's and BYE's time to its 200; `rtp` counts RTP packets by address.

| capture | bytes | how it was made |
|---|---|---|
''' + '\n'.join(table) + '\n')
print(len(stories), 'stories,', bad, 'wrong')
