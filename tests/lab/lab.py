"""Hosts in network namespaces on one bridge, tcpdump on it, and sipp driven by a short notation.

Hosts a, b, c, p have 192.0.2.1, .2, .3, .10 and 2001:db8::1, ::2, ::3, ::10. The bridge lives in a namespace
of its own; a capture there is what a span port would see. Only processes started here are ended.

The notation, one step a line:
    > INVITE sdp [port=16384] [dir=sendonly] [pt=8,101] [ip=..] [ruri=..] [cseq=..] [of=invite] | Header: value | ..
    > 200 OK sdp | Header: value
    < 180?              an optional answer            < BYE         a request
    ~ 500               wait 500 ms                   $ command     run a program
    to 192.0.2.3 5060   send to another host from here on
    rtp 16384 192.0.2.2:20000 5 [options of rtp.py]
"""
import os, re, secrets, shutil, signal, subprocess, sys, tempfile, time
HERE = os.path.dirname(os.path.abspath(__file__))
IP = dict(a='192.0.2.1', b='192.0.2.2', c='192.0.2.3', p='192.0.2.10')
IP6 = {h: '2001:db8::' + i.rsplit('.', 1)[1] for h, i in IP.items()}
from xml.sax.saxutils import quoteattr

def sdp(o, media_ip='[media_ip]'):
    pts = o.get('pt', '8,101').split(',')
    maps = {'0': 'PCMU/8000', '8': 'PCMA/8000', '101': 'telephone-event/8000'}
    l = ['v=0', f"o=- {o.get('sess', '4711')} {o.get('ver', '1')} IN IP[media_ip_type] {media_ip}", 's=-',
         f"c=IN IP[media_ip_type] {o.get('ip', media_ip)}", 't=0 0', f"m=audio {o['port']} RTP/AVP {' '.join(pts)}"]
    l += [f'a=rtpmap:{p} {maps[p]}' for p in pts] + (['a=fmtp:101 0-15'] if '101' in pts else [])
    return '\n'.join(l + ['a=ptime:20', 'a=' + o.get('dir', 'sendrecv')]) + '\n'

class Phone:
    """One side of a scenario: its notation becomes sipp's XML."""
    def __init__(s, role, me, peer, text, port, tag=None, routes=False, cid='[call_id]', scheme='sip', dom='lab.example'):
        s.role, s.me, s.peer, s.port, s.routes, s.cid, s.dom = role, me, peer, port, routes, cid, dom
        s.tag = tag or secrets.token_hex(4); s.cseq = s.inv = 0; s.code = 0; s.last = ''; s.dialog = role == 'uas'
        s.ruri = f'sip:{peer}@[remote_ip]:[remote_port]'; s.n = 0; s.text = text
        s.out = ['<?xml version="1.0" encoding="UTF-8" ?>', f'<scenario name="{role}">']
        for line in text.strip().splitlines():
            line = line.strip()
            if line: s.step(line)
        names = sorted(set(re.findall(r'assign_to="(\w+)"', '\n'.join(s.out))))
        if names: s.out.append(f'<Reference variables="{",".join(names)}"/>')
        s.out.append('</scenario>')
    def xml(s): return '\n'.join(s.out) + '\n'
    def nop(s, action): s.out.append(f'<nop><action>{action}</action></nop>')
    def step(s, line):
        k, rest = line.split(None, 1)
        if k == '<': s.receive(rest)
        elif k == '>': s.send(rest)
        elif k == '~': s.out.append(f'<pause milliseconds="{rest}"/>')
        elif k == '$': s.nop(f'<exec command={quoteattr(rest)}/>')
        elif k == 'to': s.nop('<setdest host="%s" port="%s" protocol="udp"/>' % tuple(rest.split()))
        elif k == 'rtp':
            p, r = rest.split(None, 1)
            ip = p if ':' in p else f'[media_ip]:{p}'
            s.nop(f'<exec command={quoteattr(f"chrt -f 20 python3 {HERE}/rtp.py {ip} {r}")}/>')
        else: s.out.append(line)                             # sipp's own XML
    def grab(s, var, header, exp='[^ ].*', occ=''):
        return f'<ereg regexp={quoteattr(exp)} search_in="hdr" header="{header}:" {occ} assign_to="{var}"/>'
    def receive(s, rest):
        opt, grab = '?' in rest, ' grab' in rest; what, *more = rest.replace('?', '').replace(' grab', '').split(); more = ' '.join(more)
        kind = 'response' if what.isdigit() else 'request'
        a = ''
        if what == 'INVITE' and not s.inv_xml:
            a = s.grab('peer', 'From') + s.grab('me', 'To') + s.grab('tgt', 'Contact', 'sip:[^>;]*') + s.grab('via', 'Via') + \
                s.grab('via2', 'Via', occ='occurence="2"') + s.grab('from', 'From') + s.grab('cs', 'CSeq')
            s.inv_xml = True
        elif kind == 'response' and (s.last == 'INVITE' or grab) and 100 < int(what) < 300:
            a = s.grab('peer', 'To') + s.grab('tgt', 'Contact', 'sip:[^>;]*')
            if not opt: s.dialog = True
        if kind == 'response':
            if s.last == 'INVITE' and not opt and s.code != -1 and what != '100':
                s.out.append('<recv response="100" optional="true"/>')
            if not opt: s.code = int(what)
        if what == 'INVITE': s.last = ''
        auth = ' auth="true"' if what in ('401', '407') else ''
        rrs = ' rrs="true"' if a else ''
        if kind == 'request': s.rx = what
        s.out.append('<recv %s="%s"%s%s%s %s>%s</recv>' % (kind, what, ' optional="true"' if opt else '', rrs, auth, more,
                     '<action>' + a + '</action>' if a else ''))
    def send(s, rest):
        head, *extra = [x.strip() for x in rest.split(' | ')]
        words = head.split(); o = dict(w.split('=', 1) for w in words if '=' in w); plain = [w for w in words if '=' not in w]
        o.setdefault('port', s.port); has_sdp = 'sdp' in plain; plain = [w for w in plain if w != 'sdp']
        m = plain[0]; L = []; retrans = ''
        body = sdp(o) if has_sdp else open(o['body']).read() if 'body' in o else ''
        if m.isdigit():
            L.append('SIP/2.0 ' + ' '.join(plain))
            tag = '' if o.get('tag') == 'no' else f';tag={s.tag}[call_number]'
            if o.get('of') == 'invite':
                L += ['Via: [$via]'] + (['Via: [$via2]'] if s.routes else []) + ['From: [$from]', f'To: [$me]{tag}', '[last_Call-ID:]', 'CSeq: [$cs]']
            else:
                L += ['[last_Via:]', '[last_Record-Route:]', '[last_From:]',
                      '[last_To:]' + (tag if s.rx in ('CANCEL', 'REGISTER', 'OPTIONS', 'PUBLISH') or s.rx == 'INVITE' and not s.tagged else ''),
                      '[last_Call-ID:]', '[last_CSeq:]']
            if (s.rx == 'INVITE' or 'of' in o) and 200 <= int(m) < 300: s.tagged = True
            if int(m) >= 200 and ('sdp' in words or int(m) >= 300): retrans = ' retrans="500"'
            contact = int(m) < 300 and s.me
        else:
            n = s.inv if m in ('ACK', 'CANCEL') else int(o.get('cseq', s.cseq + 1))
            neg = m == 'ACK' and s.code >= 300
            if m in ('ACK', 'CANCEL'): pass
            else: s.cseq = n
            branch = f'i{n}' if m in ('INVITE', 'CANCEL') or neg else f'm{s.n}'; s.n += 1
            ruri = o.get('ruri') or (s.ruri if m == 'CANCEL' or neg or not s.dialog else '[$tgt]')
            if m == 'INVITE': s.inv = n; s.ruri = ruri; s.code = 0
            if m not in ('ACK',): retrans = ' retrans="500"'
            s.last = m if m != 'ACK' else s.last
            frm = f'From: <sip:{s.me}@{s.dom}>;tag={s.tag}[call_number]' if s.role == 'uac' else f'From: [$me];tag={s.tag}[call_number]'
            to = '[last_To:]' if neg else 'To: [$peer]' if s.dialog and m != 'CANCEL' else f'To: <sip:{o.get("to", s.peer)}@{s.dom}>'
            L += [f'{m} {ruri} SIP/2.0', f'Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=z9hG4bK-{s.tag}-[call_number]-{branch}']
            if s.routes and s.dialog and not neg and m != 'CANCEL': L.append('[routes]')
            L += ['Max-Forwards: 70', frm, to, f'Call-ID: {s.cid}', f'CSeq: {n} {m}']
            contact = m not in ('ACK', 'CANCEL', 'BYE')
        if contact and not any(e.startswith('Contact:') for e in extra):
            L.append(f'Contact: <sip:{s.me}@[local_ip]:[local_port];transport=[transport]>')
        L += [e for e in extra if not e.startswith('Content-Type:')]
        if body: L.append('Content-Type: ' + next((e[14:] for e in extra if e.startswith('Content-Type:')), 'application/sdp'))
        L += ['Content-Length: [len]', '']
        s.out.append(f'<send{retrans} {o.get("sipp", "").replace("+", " ")}><![CDATA[\n\n' + '\n'.join(L) + '\n' + body + '\n]]></send>')
    tagged = inv_xml = False; rx = ''

class Lab:
    def __init__(s, name, hosts='ab'):
        s.name, s.dir, s.procs, s.caps = name, tempfile.mkdtemp(), [], {}
        s.ns = {h: f'l{os.getpid()}{h}' for h in 'x' + hosts}
        for h, n in s.ns.items(): s.sh('ip', 'netns', 'add', n); s.sh('ip', '-n', n, 'link', 'set', 'lo', 'up')
        s.sh('ip', '-n', s.ns['x'], 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0'); s.sh('ip', '-n', s.ns['x'], 'link', 'set', 'br0', 'up')
        for h in hosts:
            n = s.ns[h]; mac = '02:00:00:00:00:%02x' % int(IP[h].rsplit('.', 1)[1])
            s.sh('ip', 'link', 'add', 'eth0', 'netns', n, 'address', mac, 'type', 'veth', 'peer', 'name', 'v' + h, 'netns', s.ns['x'])
            for where, i in ((n, 'eth0'), (s.ns['x'], 'v' + h)):
                s.sh('ip', 'netns', 'exec', where, 'ethtool', '-K', i, 'tx', 'off', 'rx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off', 'sg', 'off', quiet=True)
            s.sh('ip', '-n', s.ns['x'], 'link', 'set', 'v' + h, 'master', 'br0', 'up')
            s.sh('ip', '-n', n, 'link', 'set', 'eth0', 'up')
            s.sh('ip', '-n', n, 'addr', 'add', IP[h] + '/24', 'dev', 'eth0')
            s.sh('ip', '-n', n, 'addr', 'add', IP6[h] + '/64', 'dev', 'eth0', 'nodad')
        time.sleep(.3)
    def sh(s, *a, quiet=False): return subprocess.run(a, check=not quiet, stdout=subprocess.DEVNULL if quiet else None, stderr=subprocess.DEVNULL if quiet else None)
    def on(s, h, *a, **kw): return s.sh('ip', 'netns', 'exec', s.ns[h], *a, **kw)
    def run(s, h, *a, stdin=subprocess.DEVNULL, env=None, log=None):
        f = open(log or f'{s.dir}/{len(s.procs)}.log', 'w')
        p = subprocess.Popen(('ip', 'netns', 'exec', s.ns[h]) + a, stdin=stdin, stdout=f, stderr=subprocess.STDOUT, cwd=s.dir, env={**os.environ, **(env or {})})
        s.procs.append(p); return p
    def capture(s, name=None, at='x', filter='udp or tcp'):
        name = name or s.name; f = f'{s.dir}/{name}.pcap'; i = 'br0' if at == 'x' else 'eth0'
        s.caps[name] = (s.run(at, 'chrt', '-f', '30', 'tcpdump', '-i', i, '-n', '-U', '-B', '8192', '-Z', 'root',
                              '--time-stamp-precision=nano', '-w', f, filter, log=f'{s.dir}/{name}.tcpdump'), f)
        time.sleep(.8)
    def end(s, p, sig=signal.SIGTERM):
        if p.poll() is None: p.send_signal(sig)
        try: p.wait(4)
        except subprocess.TimeoutExpired: p.kill(); p.wait()
    def done(s, wait=1.0):
        time.sleep(wait)
        for p, _ in s.caps.values(): s.end(p, signal.SIGINT)
        for p in reversed(s.procs): s.end(p)
        for h, n in s.ns.items(): s.sh('ip', 'netns', 'del', n, quiet=True)
        return {n: f for n, (p, f) in s.caps.items()}
    def sipp(s, h, phone, to=None, port=5060, ip=None, extra=(), m=1):
        k = len(s.procs); f = f'{s.dir}/{phone.role}{k}.xml'; open(f, 'w').write(phone.xml()); ip = ip or IP[h]
        a = ['sipp', '-sf', f, '-i', ip, '-mi', ip, '-p', str(port), '-m', str(m), '-nostdin', '-trace_err', '-error_file', f'{s.dir}/err{k}.txt',
             '-cid_str', phone.cidstr if hasattr(phone, 'cidstr') else secrets.token_hex(6) + '-%u@%s', '-deadcall_wait', '0', *extra]
        return s.run(h, *a, *([to] if to else []), env={'TERM': 'xterm'})
    def uas(s, h, text, me='2002', peer='1001', mport=20000, port=5060, ip=None, extra=(), m=1, **kw):
        p = s.sipp(h, Phone('uas', me, peer, text, mport, **kw), None, port, ip, extra, m); time.sleep(.3); return p
    def uac(s, h, text, to=None, me='1001', peer='2002', mport=16384, port=5060, ip=None, extra=(), wait=60, **kw):
        p = s.sipp(h, Phone('uac', me, peer, text, mport, **kw), to or IP['b'] + ':5060', port, ip, extra)
        if wait:
            try: p.wait(wait)
            except subprocess.TimeoutExpired: print(f'{s.name}: sipp did not end', file=sys.stderr)
        return p
    def clock(s, seconds, h='a'):
        """Somebody asks for the time (NTP) every 2 s, so that the capture's clock goes on."""
        s.on(h, sys.executable, '-c', f"import socket,time\ns=socket.socket(2,2)\nfor k in range({int(seconds / 2) + 1}): s.sendto(b'\\x23'+bytes(47),('192.0.2.2',123)); time.sleep(2)")
    def silent(s, h, *ports):
        """Ports that take everything and say nothing."""
        s.run(h, sys.executable, '-c', f"import socket,time\nl=[]\nfor p in {ports}: l.append(socket.socket(2,2)); l[-1].bind(('0.0.0.0',p))\ntime.sleep(999)"); time.sleep(.3)
    def proxy(s, *defines):
        s.run('p', 'kamailio', '-f', HERE + '/kamailio.cfg', '-DD', '-E', '-P', s.dir + '/kam.pid', '-Y', s.dir, '-w', s.dir, *[x for d in defines for x in ('-A', d)]); time.sleep(1.5)
    def errors(s):
        for f in sorted(os.listdir(s.dir)):
            if f.startswith('err'): print(f'{s.name}: {f}:', open(f'{s.dir}/{f}').read()[:1500], file=sys.stderr)
