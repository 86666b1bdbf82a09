#!/usr/bin/env python3
"""Every scenario: what is run, and what is therefore true. usage: calls.py NAME|all OUTDIR"""
import gzip, json, math, os, secrets, signal, struct, subprocess, sys, time, wave
from lab import *
ALL = {}
def scenario(how, each=(), **story):
    def add(f):
        story['each'] = [dict(dict(zip(('from', 'to', 'state', 'status', 'ended_by'), e[:5])), legs=e[5] if len(e) > 5 else 1, joins=e[6] if len(e) > 6 else []) for e in each]
        story.setdefault('calls', len(each)); ALL[f.__name__] = (f, how, story); return f
    return add
def plain(name, how, uac, uas, each, hosts='ab', **story):
    """Two sipps, the first line of which may name what else they need."""
    def f(l):
        l.capture(); b = l.uas('b', uas) if uas else None; l.uac('a', uac); l.errors()
    f.__name__ = name; f.hosts = hosts; scenario(how, each, **story)(f)
UP, DOWN = 'rtp 16384 192.0.2.2:20000 ', 'rtp 20000 192.0.2.1:16384 '
UAC = f'''> INVITE sdp
< 180?
< 200
> ACK
{UP}5
~ 5200
> BYE
< 200'''
UAS = f'''< INVITE
~ 30
> 180 Ringing
~ 800
> 200 OK sdp
< ACK
{DOWN}5
< BYE
> 200 OK'''
DONE = ('1001', '2002', 'completed', 200, 'caller')
TWO = 'Two sipp 3.6.1, media by rtp.py; captured on the bridge between them: '
plain('answered', TWO + 'rings, answered, 5 s of voice both ways with RTCP, the caller hangs up.', UAC.replace('rtp 16384 192.0.2.2:20000 5', UP + '5 rtcp=1'), UAS.replace(DOWN + '5', DOWN + '5 rtcp=1'), [DONE], transport='udp')
plain('answered_callee_bye', TWO + 'rings, answered, 5 s of voice, the callee hangs up.', UAC[:UAC.index('~ 5200')] + '< BYE\n> 200 OK',
      UAS[:UAS.index('< BYE')] + '~ 5200\n> BYE\n< 200', [DONE[:4] + ('callee',)])
def refused(name, how, code, state='failed', ring=False):
    n = int(code[:3])
    plain(name, TWO + how, f'> INVITE sdp\n{"< 180" if ring else ""}\n< {n}\n> ACK', f'< INVITE\n~ 40\n> 100 Trying\n{"> 180 Ringing" if ring else ""}\n~ {3000 if ring else 100}\n> {code}\n< ACK',
          [('1001', '2002', state, n, None)])
refused('busy', 'the callee is busy (486, Reason Q.850 cause 17).', '486 Busy Here | Reason: Q.850;cause=17;text="User busy"')
refused('rejected_603', 'rings, and the callee declines (603).', '603 Decline | Reason: Q.850;cause=21;text="Call rejected"', ring=True)
refused('failed_503', 'the far side has no circuit (503, Retry-After, Reason Q.850 cause 34).', '503 Service Unavailable | Retry-After: 30 | Reason: Q.850;cause=34;text="No circuit available"')
refused('no_answer_408', 'rings, nobody answers, the far side gives up (408, Reason Q.850 cause 102).', '408 Request Timeout | Reason: Q.850;cause=102', ring=True)
refused('no_answer_480', 'rings, nobody answers, the far side gives up (480 with a Warning, Reason Q.850 cause 19).', '480 Temporarily Unavailable | Warning: 399 192.0.2.2 "No answer from user" | Reason: Q.850;cause=19;text="No answer from the user"', ring=True)
GONE = [('1001', '2002', 'cancelled', 487, 'caller')]
plain('no_answer', TWO + 'rings for 3 s, the caller gives up (CANCEL, 487).', '> INVITE sdp\n< 180\n~ 3000\n> CANCEL\n< 200\n< 487\n> ACK',
      '< INVITE\n~ 30\n> 180 Ringing\n< CANCEL\n> 200 OK\n> 487 Request Terminated of=invite\n< ACK', GONE)
plain('cancelled_early', TWO + 'the caller gives up before it rings (100, CANCEL, 487).', '> INVITE sdp\n< 100\n~ 700\n> CANCEL | Reason: SIP;cause=200;text="Call completed elsewhere"\n< 200\n< 487\n> ACK',
      '< INVITE\n> 100 Trying\n< CANCEL\n> 200 OK\n> 487 Request Terminated of=invite\n< ACK', GONE)

def talk(seconds, before='', after='', up='', down='', uac='', uas='', a_pause=None):
    """A call with voice: what comes before the answer, and after the ACK, may be given."""
    p = int(seconds * 1000) + 150
    return (f'> INVITE sdp{uac}\n< 180?\n< 200\n> ACK\n{UP}{seconds} {up}\n~ {p}\n> BYE\n< 200',
            f'< INVITE\n~ 30\n> 180 Ringing\n~ 700\n> 200 OK sdp{uas}\n< ACK\n{DOWN}{seconds} {down}\n< BYE\n> 200 OK')
@scenario('sipp calls a host that takes the INVITE and says nothing: six INVITEs by timer A over 31.5 s, then sipp gives up; NTP requests keep the clock going until 40 s.',
          [('1001', '2002', 'timed_out', None, None)], retransmissions=5)
def timed_out(l):
    l.silent('b', 5060, 123); l.capture(); p = l.uac('a', '> INVITE sdp\n< 180?\n< 200\n> ACK', wait=0); l.clock(40); l.end(p)
@scenario('Three sipp 3.6.1: 2002 answers 302 with 3003 as Contact, the caller calls that with the same Call-ID and a new CSeq; answered, 3 s of voice; the caller hangs up.', [DONE])
def redirected(l):
    l.capture(); l.uas('b', '< INVITE\n~ 20\n> 302 Moved Temporarily | Contact: <sip:3003@192.0.2.3:5060>\n< ACK')
    l.uas('c', UAS.replace('5\n', '3\n'), me='3003'); l.uac('a', '> INVITE sdp\n< 302\n> ACK\nto 192.0.2.3 5060\n> INVITE sdp ruri=sip:3003@192.0.2.3:5060\n< 180\n< 200\n> ACK\nrtp 16384 192.0.2.3:20000 3\n~ 3200\n> BYE\n< 200'); l.errors()
redirected.hosts = 'abc'
PUAC = '> INVITE sdp ruri=sip:2002@lab.example\n< 180?\n< 200\n> ACK\n' + UP + '3\n~ 3200\n> BYE\n< 200'
PUAS = UAS.replace(DOWN + '5', DOWN + '3')
@scenario('sipp calls through kamailio 5.6.3, which asks for a password (407, Digest); the second INVITE with it is answered by another sipp; 3 s of voice; the caller hangs up; captured at the caller.', [DONE])
def auth_407(l):
    l.proxy('AUTH'); l.capture(at='a'); l.uas('b', PUAS, routes=True)
    l.uac('a', '> INVITE sdp ruri=sip:2002@lab.example\n< 407\n> ACK\n> INVITE sdp ruri=sip:2002@lab.example | [authentication username=1001 password=secret]\n' + PUAC.split('\n', 1)[1], to='192.0.2.10:5060', routes=True); l.errors()
auth_407.hosts = 'abp'
REG = '> REGISTER ruri=sip:lab.example to=1001 cseq={} | Contact: <sip:1001@[local_ip]:5060> | Expires: {}'
@scenario('sipp registers with kamailio 5.6.3, which asks for a password (401, Digest); the second REGISTER with it is taken for 300 s.', registrations=[dict(aor='1001@lab.example', state='registered', expires=300)])
def register_auth(l):
    l.proxy('AUTH'); l.capture(); l.uac('a', REG.format(1, 300) + '\n< 401\n' + REG.format(2, 300) + ' | [authentication username=1001 password=secret]\n< 200', to='192.0.2.10:5060'); l.errors()
@scenario('sipp registers with kamailio 5.6.3 with a wrong password: 401, then 403.', registrations=[dict(aor='1001@lab.example', state='rejected', expires=None)])
def register_failure(l):
    l.proxy('AUTH'); l.capture(); l.uac('a', REG.format(1, 300) + '\n< 401\n' + REG.format(2, 300) + ' | [authentication username=1001 password=wrong]\n< 403', to='192.0.2.10:5060'); l.errors()
@scenario('sipp registers with kamailio 5.6.3 for 60 s, refreshes after 3 s, and unregisters (Expires: 0) after 3 s more.', registrations=[dict(aor='1001@lab.example', state='unregistered', expires=0)])
def register_refresh(l):
    l.proxy(); l.capture(); l.uac('a', '\n~ 3000\n'.join(REG.format(n, e) + '\n< 200' for n, e in ((1, 60), (2, 60), (3, 0))), to='192.0.2.10:5060'); l.errors()
@scenario('sipp registers with kamailio 5.6.3 for 10 s and never again; NTP requests keep the clock going for 40 s.', registrations=[dict(aor='1001@lab.example', state='expired', expires=10)])
def register_expiry(l):
    l.proxy(); l.silent('b', 123); l.capture(); l.uac('a', REG.format(1, 10) + '\n< 200', to='192.0.2.10:5060'); l.clock(40); l.errors()
@scenario('sipp registers with a host that takes everything and says nothing: 10 REGISTERs by timer E over 28 s and no answer; NTP requests keep the clock going until 42 s.', registrations=[dict(aor='1001@lab.example', state=None, expires=None, note='never answered')], retransmissions=9)
def register_timeout(l):
    l.silent('b', 5060, 123); l.capture(); p = l.uac('a', REG.format(1, 300) + '\n< 200', wait=0); l.clock(42); l.end(p)
for f, h in ((register_auth, 'ap'), (register_failure, 'ap'), (register_refresh, 'ap'), (register_expiry, 'abp')): f.hosts = h
@scenario('sipp sends OPTIONS every 2 s; another answers four; then the network drops them: two more OPTIONS, each sent again by timer E, get no answer in 32 s and more.', retransmissions=18, options=dict(answered=4, errors=0, timeouts=2))
def options_unanswered(l):
    ask = '> OPTIONS | Accept: application/sdp\n< 200'; rate = ('-r', '1', '-rp', '2000'); l.silent('b', 123); l.capture()
    b = l.uas('b', '< OPTIONS\n> 200 OK | Allow: INVITE, ACK, CANCEL, BYE, OPTIONS', m=4)
    p = l.sipp('a', Phone('uac', '1001', '2002', ask, 0), '192.0.2.2:5060', extra=rate, m=4); l.wait(p, 30); l.wait(b, 5); l.silent('b', 5060)
    p = l.sipp('a', Phone('uac', '1001', '2002', ask, 0), '192.0.2.2:5060', extra=(*rate, '-l', '9'), m=2); l.clock(42); l.end(p)
def forked_run(l):
    l.proxy('FORK'); l.capture('forked', at='a'); l.capture('forked_proxy')
    l.uas('b', UAS.replace('~ 800', '~ 1500').replace('5\n', '3\n'), routes=True)
    l.uas('c', '< INVITE\n~ 60\n> 180 Ringing\n< CANCEL\n> 200 OK\n> 487 Request Terminated of=invite\n< ACK', me='3003', routes=True)
    l.uac('a', PUAC.replace('< 180?', '< 180\n< 180'), to='192.0.2.10:5060', routes=True); l.errors()
forked_run.hosts = 'abcp'; forked_run.__name__ = 'forked'
FORKED = [DONE + (2,)]
scenario('sipp calls through kamailio 5.6.3, which forks to two sipp phones; both ring, one answers, the other is cancelled; 3 s of voice; captured at the caller, who sees two To tags.', FORKED)(forked_run)
ALL['forked_proxy'] = (forked_run, 'The same run as "forked", captured at the proxy with all its hops: caller, both phones, the CANCEL.', ALL['forked'][2])
REFER_A = f"""> INVITE sdp
< 180?
< 200
> ACK
{UP}2.3
~ 2300
> REFER | Refer-To: <%s> | Referred-By: <sip:1001@lab.example>
< 202
< NOTIFY
> 200 OK
< NOTIFY
> 200 OK
~ 50
> BYE
< 200"""
def refer_b(l, command): return f"""< INVITE
~ 30
> 180 Ringing
~ 700
> 200 OK sdp
< ACK
{DOWN}2.3
< REFER
> 202 Accepted
> NOTIFY body={l.dir}/trying.txt | Event: refer | Subscription-State: active;expires=60 | Content-Type: message/sipfrag;version=2.0
< 200
$ {command}
~ 1500
> NOTIFY body={l.dir}/ok.txt | Event: refer | Subscription-State: terminated;reason=noresource | Content-Type: message/sipfrag;version=2.0
< 200
< BYE
> 200 OK"""
def fragments(l):
    for n, s in (('trying', '100 Trying'), ('ok', '200 OK')): open(f'{l.dir}/{n}.txt', 'w').write(f'SIP/2.0 {s}\n')
def second(l, host, text, port, target, **kw):
    """A command that starts a second sipp on the same host, for a call of its own."""
    ph = Phone('uac', kw.pop('me'), kw.pop('peer'), text, kw.pop('mport'), tag=kw.pop('tag', None)); f = f'{l.dir}/second-{host}'
    open(f + '.xml', 'w').write(ph.xml())
    open(f + '.sh', 'w').write(f"TERM=xterm exec sipp -sf {f}.xml -i {IP[host]} -mi {IP[host]} -p {port} -m 1 -nostdin -cid_str {kw.get('cid') or secrets.token_hex(6) + '-2@%s'} "
                               f"-trace_err -error_file {l.dir}/err-{host}.txt {target} >{f}.log 2>&1 </dev/null\n")
    return f'sh {f}.sh'
@scenario('sipp phones: 1001 calls 2002 and sends it REFER to 3003; 2002 (a second sipp, port 5062) calls 3003 with Referred-By and a Call-ID of its own, tells by NOTIFY (sipfrag), 1001 hangs up; 2002 and 3003 talk 3 s, 2002 hangs up.',
          [('1001', '2002', 'completed', 200, 'caller', 2, ['refer'])])
def blind_transfer(l):
    fragments(l); l.capture()
    new = second(l, 'b', '> INVITE sdp | Referred-By: <sip:1001@lab.example>\n< 180?\n< 200\n> ACK\nrtp 20010 192.0.2.3:20000 3\n~ 3200\n> BYE\n< 200', 5062, '192.0.2.3:5060', me='2002', peer='3003', mport=20010)
    l.uas('b', refer_b(l, new)); c = l.uas('c', '< INVITE\n~ 30\n> 180 Ringing\n~ 500\n> 200 OK sdp\n< ACK\nrtp 20000 192.0.2.2:20010 3\n< BYE\n> 200 OK', me='3003', peer='2002')
    l.uac('a', REFER_A % 'sip:3003@192.0.2.3:5060'); l.wait(c, 12); l.errors()
@scenario('sipp phones: 1001 calls 2002, then (a second sipp, port 5062) asks 3003, then sends 2002 REFER whose Refer-To carries Replaces; 2002 (port 5062) calls 3003 with Replaces, 3003 ends the call it replaces; 2002 and 3003 talk 3 s, 2002 hangs up.',
          [('1001', '2002', 'completed', 200, 'caller', 3, ['refer', 'replaces'])])
def attended_transfer(l):
    fragments(l); l.capture(); cid = secrets.token_hex(6) + '@192.0.2.1'; at, ct = secrets.token_hex(4), secrets.token_hex(4)
    ask = '> INVITE sdp\n< 180?\n< 200\n> ACK\nrtp 16390 192.0.2.3:20000 2\n< BYE\n> 200 OK'
    consult = second(l, 'a', ask, 5062, '192.0.2.3:5060', me='1001', peer='3003', mport=16390, tag=at, cid=cid)
    replaces = f'{cid};to-tag={ct}1;from-tag={at}1'
    new = second(l, 'b', f'> INVITE sdp | Replaces: {replaces} | Referred-By: <sip:1001@lab.example> | Require: replaces\n< 200\n> ACK\nrtp 20010 192.0.2.3:20002 3\n~ 3200\n> BYE\n< 200', 5062, '192.0.2.3:5060', me='2002', peer='3003', mport=20010)
    l.uas('b', refer_b(l, new).replace(DOWN + '2.3', DOWN + '1').replace('~ 1500', '~ 600'))
    ph = Phone('uas', '3003', '1001', """< INVITE
<nop next="replace" test="with"/>
~ 30
> 180 Ringing
~ 400
> 200 OK sdp
< ACK
rtp 20000 192.0.2.1:16390 2
~ 2500
> BYE
< 200
<nop next="end"/>
<label id="replace"/>
> 200 OK sdp port=20002
< ACK
rtp 20002 192.0.2.2:20010 3
< BYE
> 200 OK
<label id="end"/>""", 20000, tag=ct)
    ph.out = [x.replace('<ereg regexp="[^ ].*" search_in="hdr" header="From:"  assign_to="peer"/>', '<ereg regexp="to-tag" search_in="hdr" header="Replaces:" assign_to="with"/><ereg regexp="[^ ].*" search_in="hdr" header="From:" assign_to="peer"/>', 1) for x in ph.out]
    c = l.sipp('c', ph, m=2); time.sleep(.3)
    refer = 'sip:3003@192.0.2.3:5060?Replaces=' + replaces.replace('@', '%40').replace(';', '%3B').replace('=', '%3D')
    l.uac('a', (REFER_A % refer).replace(UP + '2.3\n~ 2300', UP + f'1\n~ 1000\n$ {consult}\n~ 2600')); l.wait(c, 12); l.errors()
blind_transfer.hosts = attended_transfer.hosts = 'abc'

REUAC = """> INVITE sdp
< 180?
< 200
> ACK
%s
~ 2000
> INVITE sdp %s ver=2
< 200
> ACK
~ %d
%s
~ %d
> BYE
< 200"""
REUAS = """< INVITE
~ 30
> 180 Ringing
~ 700
> 200 OK sdp
< ACK
%s
< INVITE
> 200 OK sdp %s ver=2
< ACK
%s
< BYE
> 200 OK"""
RESUME = ('> INVITE sdp ver=3\n< 200\n> ACK', '< INVITE\n> 200 OK sdp ver=3\n< ACK')
def held(name, how, a, b, up, down, **story):
    plain(name, TWO + how, REUAC % (UP + '7 ' + up, a, 3000, RESUME[0], 2000), REUAS % (DOWN + '7 ' + down, b, RESUME[1]), [DONE], **story)
held('hold', '2 s of voice, the caller holds (re-INVITE, a=inactive) for 3 s, in which neither side sends, and resumes (sendrecv); 2 s of voice; the caller hangs up.', 'dir=inactive', 'dir=inactive', 'gap=2.02-5.04', 'gap=2.02-5.04')
held('hold_moh', '2 s of voice, the caller holds (re-INVITE, a=sendonly, answered recvonly) for 3 s and plays music (the same tone, same stream), the held side is silent; resumed; 2 s of voice.', 'dir=sendonly', 'dir=recvonly', '', 'gap=2.02-5.04')
plain('codec_change', TWO + '2.5 s of PCMA, the caller re-INVITEs with PCMU, 2.5 s of PCMU in the same streams.', REUAC.replace('2000', '2500') % (UP + '5 switch=2.52:0', 'pt=0,101', 0, '', 2500), REUAS % (DOWN + '5 switch=2.52:0', 'pt=0,101', ''), [DONE])
plain('early_media', TWO + '183 with SDP, the callee sends 2 s of RTP (a tone, an announcement) before the 200, then 3 s of voice both ways; the caller hangs up.',
      UAC.replace('180', '183').replace('5\n', '3\n').replace('5200', '3200'), f'< INVITE\n~ 50\n> 183 Session Progress sdp\n{DOWN}5.2\n~ 2000\n> 200 OK sdp\n< ACK\n< BYE\n> 200 OK', [DONE])
@scenario('sipp phones, both sendrecv; a firewall (iptables) at the callee swallows what it sends: only the caller\'s RTP is on the bridge, for 8 s; the caller hangs up.', [DONE], audio=[dict(direction='callee_to_caller', fault='one_way')])
def one_way(l):
    l.on('b', 'iptables', '-A', 'OUTPUT', '-p', 'udp', '--sport', '20000', '-j', 'DROP'); l.capture()
    x, y = talk(8); l.uas('b', y); l.uac('a', x); l.errors()
@scenario('Two calls between sipp phones: 1001 to 2002 is answered and stays 25 s without any RTP (a firewall at both swallows it); meanwhile 3003 to 4004 has 4 s of voice both ways. Both callers hang up.',
          [DONE, ('3003', '4004', 'completed', 200, 'caller')], audio=[])
def no_way(l):
    for h in 'ab': l.on(h, 'iptables', '-A', 'OUTPUT', '-p', 'udp', '--dport', '16384' if h == 'b' else '20000', '-j', 'DROP')
    l.capture(); x, y = talk(25); l.uas('b', y); p = l.uac('a', x, wait=0); time.sleep(2)
    x, y = talk(4); fix = lambda t: t.replace('16384', '16400').replace('20000', '20020').replace('192.0.2.1:', '192.0.2.3:')
    l.uas('b', fix(y), me='4004', peer='3003', mport=20020, port=5062); l.uac('c', fix(x), to='192.0.2.2:5062', me='3003', peer='4004', mport=16400); l.wait(p, 40); l.errors()
no_way.hosts = 'abc'
@scenario('sipp phones: answered, 4 s of voice both ways, then both are gone: no RTP, no BYE; NTP requests keep the clock going for 75 s more.', [('1001', '2002', 'completed', 200, 'media_timeout')])
def lost_bye(l):
    l.silent('b', 123); l.capture(); l.uas('b', talk(4)[1].split('< BYE')[0]); l.uac('a', talk(4)[0].split('> BYE')[0]); l.clock(75); l.errors()
def b2b(name, opt, how, joins, headers=('', '')):
    @scenario(f'sipp phones with the B2BUA b2bua.py between: two Call-IDs, the same numbers and SDP on both sides; {how}; 3 s of voice, straight between the phones; the caller hangs up; captured on the bridge: both legs.',
              [DONE + (2, joins)])
    def f(l):
        l.run('p', sys.executable, HERE + '/b2bua.py', '192.0.2.10', '192.0.2.2:5060', *opt); time.sleep(.5); l.capture(); x, y = talk(3, uac=headers[0], uas=headers[1])
        l.uas('b', y); l.uac('a', x, to='192.0.2.10:5060'); l.errors()
    ALL[name] = ALL.pop('f'); f.hosts = 'abp'; ALL[name][0].__name__ = name
b2b('b2bua_numbers', [], 'nothing else tells that they belong together', ['numbers'])
s1, s2 = secrets.token_hex(16), secrets.token_hex(16)
b2b('b2bua_session_id', ['session_id'], 'Session-ID (RFC 7989) is handed through', ['session_id'], (f' | Session-ID: {s1};remote={"0" * 32}', f' | Session-ID: {s2};remote={s1}'))
b2b('b2bua_x_call_id', ['x_call_id'], 'the second INVITE names the first Call-ID in X-Call-ID', ['header'])
@scenario('sipp phones: the callee\'s side (b2bua.py) answers 181 and forwards: a new INVITE with a Call-ID of its own, Diversion and History-Info to 3003, who answers; 3 s of voice, straight between the phones; the caller hangs up.', [DONE + (2, ['header'])])
def forward(l):
    l.run('p', sys.executable, HERE + '/b2bua.py', '192.0.2.10', '192.0.2.3:5060', 'divert=3003'); time.sleep(.5); l.capture(); x, y = talk(3)
    l.uas('c', y, me='3003'); l.uac('a', x.replace('192.0.2.2:', '192.0.2.3:').replace('< 180?', '< 181\n< 180?'), to='192.0.2.10:5060'); l.errors()
forward.hosts = 'acp'
def dropping(l, h, text, *match):
    rule = ['INPUT', '-p', 'udp', '--dport', '5060', *match, '-j', 'DROP']; l.on(h, 'iptables', '-A', *rule); l.capture(); x, y = talk(3); l.uas('b', y)
    p = l.uac('a', x, wait=0); time.sleep(.73 + text); l.on(h, 'iptables', '-D', *rule); l.wait(p, 20); l.errors()
@scenario('sipp phones: the first two INVITEs are lost behind the capture (iptables at the callee), the third is answered; 3 s of voice; the caller hangs up.', [DONE], retransmissions=2)
def retrans_invite(l): dropping(l, 'b', .1)
@scenario('sipp phones: the first two 200 OK are lost behind the capture (iptables at the caller), the third is acknowledged; 3 s of voice; the caller hangs up.', [DONE], retransmissions=2)
def retrans_200(l): dropping(l, 'a', .8, '-m', 'string', '--algo', 'bm', '--string', 'SIP/2.0 200')
@scenario('Two sipp 3.6.1 over TCP: rings, answered, 4 s of voice both ways; the caller hangs up.', [DONE], transport='tcp')
def tcp(l):
    l.capture(); x, y = talk(4); l.uas('b', y, extra=('-t', 't1')); l.uac('a', x, extra=('-t', 't1')); l.errors()
@scenario('Two sipp 3.6.1 over UDP on IPv6, media too: rings, answered, 4 s of voice both ways; the caller hangs up.', [DONE], transport='udp')
def ipv6(l):
    l.capture(); x, y = talk(4); v = lambda t: t.replace('192.0.2.2:', '2001:db8::2:').replace('192.0.2.1:', '2001:db8::1:')
    l.uas('b', v(y), ip='2001:db8::2'); l.uac('a', v(x), ip='2001:db8::1', to='[2001:db8::2]:5060'); l.errors()
plain('prack', TWO + '183 with SDP sent reliably (100rel), PRACK, UPDATE within the early dialog, 180, 200; 3 s of voice; the caller hangs up.', f"""> INVITE sdp | Supported: 100rel | Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE
< 183
> PRACK | RAck: 1 1 INVITE
< 200
~ 100
> UPDATE sdp ver=2
< 200
< 180
< 200 grab
> ACK cseq=1
{UP}3
~ 3200
> BYE
< 200""", f"""< INVITE
~ 30
> 183 Session Progress sdp | Require: 100rel | RSeq: 1
< PRACK
> 200 OK
< UPDATE
> 200 OK sdp ver=2
~ 300
> 180 Ringing of=invite
~ 500
> 200 OK of=invite sdp ver=2
< ACK
{DOWN}3
< BYE
> 200 OK""", [DONE])
@scenario('sipp phones: the 200 says Session-Expires: 20;refresher=uac; 4 s of voice, then nobody refreshes and nobody says BYE; NTP requests keep the clock going for 40 s.', [('1001', '2002', 'completed', 200, 'session_timer')])
def session_timer(l):
    l.silent('b', 123); l.capture(); x, y = talk(4, uac=' | Supported: timer | Session-Expires: 20', uas=' | Require: timer | Session-Expires: 20;refresher=uac')
    l.uas('b', y.split('< BYE')[0]); l.uac('a', x.split('> BYE')[0]); l.clock(40); l.errors()
plain('cancel_race', TWO + 'the caller\'s CANCEL crosses the 200 (the callee answers the INVITE just as the CANCEL comes in, then the CANCEL with 200); the caller acknowledges and hangs up.', '> INVITE sdp\n< 180\n~ 1500\n> CANCEL\n< 200 grab\n< 200\n> ACK\n~ 20\n> BYE\n< 200',
      '< INVITE\n~ 30\n> 180 Ringing\n< CANCEL\n> 200 OK of=invite sdp once=1\n> 200 OK\n< ACK\n< BYE\n> 200 OK', [DONE])
plain('reinvite_glare', TWO + 'in the call both send a re-INVITE at once (0.1 ms apart, before either answers); both answer 491; the caller tries again after 2.1 s and is answered; voice all along (6 s); the caller hangs up.', f"""> INVITE sdp
< 180?
< 200
> ACK
{UP}6
~ 2000
> INVITE sdp ver=2 once=1
< INVITE
> 491 Request Pending once=1
< ACK
< 491
> ACK
~ 2100
> INVITE sdp ver=3
< 200
> ACK
~ 2000
> BYE
< 200""", f"""< INVITE
~ 30
> 180 Ringing
~ 700
> 200 OK sdp
< ACK
{DOWN}6
< INVITE grab
> INVITE sdp ver=2 once=1
< 491
> ACK
> 491 Request Pending of=invite once=1
< ACK
< INVITE
> 200 OK sdp ver=3
< ACK
< BYE
> 200 OK""", [DONE])
LATE = talk(3)
plain('late_media', TWO + 'answered, but the voice begins 4 s after the answer, both ways; 3 s of voice; the caller hangs up.', LATE[0].replace('> ACK\n', '> ACK\n~ 4000\n'), LATE[1].replace('< ACK\n', '< ACK\n~ 4000\n'), [DONE], audio=[dict(direction='both', fault='late_media')])
def media_after_bye(l): l.capture(); l.uas('b', talk(3, down='')[1].replace(DOWN + '3', DOWN + '8')); l.uac('a', talk(3)[0].replace(UP + '3 ', UP + '3 hold=9')); time.sleep(5.5); l.errors()
scenario(TWO + '3 s of voice, the caller hangs up, and the callee\'s RTP goes on for 5 s.', [DONE], audio=[dict(direction='callee_to_caller', fault='media_after_bye')])(media_after_bye)
plain('wrong_address', TWO + 'the callee\'s SDP names port 20000, but its RTP comes from port 31000; 5 s of voice both ways.', talk(5)[0], talk(5)[1].replace('rtp 20000', 'rtp 31000').replace('< ACK\n', '< ACK\nrtp 20000 192.0.2.1:9 0 hold=6\n'), [DONE], audio=[dict(direction='callee_to_caller', fault='wrong_address')])
plain('nat', TWO + 'the caller\'s SDP names a private address (10.0.0.5:16384); its RTP comes from 192.0.2.1:40004, and the callee sends there (symmetric RTP); 5 s of voice both ways.', talk(5)[0].replace('sdp', 'sdp ip=10.0.0.5', 1).replace('rtp 16384', 'rtp 40004'), talk(5)[1].replace(DOWN, 'rtp 20000 192.0.2.1:40004 '), [DONE], audio=[dict(direction='both', fault='wrong_address')])
plain('dtmf', TWO + '6 s of voice both ways; the caller sends 1 5 9 #, the callee 0, as RFC 4733 events of payload type 101.', talk(6, up='dtmf=159#')[0], talk(6, down='dtmf=0')[1], [DONE], dtmf=dict(caller_to_callee=4, callee_to_caller=1))
RTCPXR = """VQSessionReport: CallTerm
CallID: @CALLID@
LocalID: <sip:1001@lab.example>
RemoteID: <sip:2002@lab.example>
OrigID: <sip:1001@lab.example>
LocalGroup: lab
RemoteGroup: lab
LocalAddr: IP=192.0.2.1 PORT=16384 SSRC=0x1a2b3c4d
RemoteAddr: IP=192.0.2.2 PORT=20000 SSRC=0x5e6f7081
LocalMetrics:
Timestamps: START=@START@ STOP=@STOP@
SessionDesc: PT=8 PD=PCMA SR=8000 FD=20 FO=160 FPP=1 PPS=50 PLC=3 SSUP=off
JitterBuffer: JBA=3 JBR=2 JBN=40 JBM=80 JBX=120
PacketLoss: NLR=1.5 JDR=0.5
BurstGapLoss: BLD=12.5 BD=400 GLD=0.8 GD=3600 GMIN=16
Delay: RTD=45 ESD=60 OWD=22 IAJ=4 MAJ=2
Signal: SL=-18 NL=-55 RERL=55
QualityEst: RLQ=88 RCQ=85 EXTRI=90 MOSLQ=4.1 MOSCQ=4.0 QoEEstAlg=P.564
RemoteMetrics:
Timestamps: START=@START@ STOP=@STOP@
JitterBuffer: JBA=3 JBR=2 JBN=60 JBM=100 JBX=160
PacketLoss: NLR=3.0 JDR=1.0
BurstGapLoss: BLD=18.0 BD=600 GLD=1.2 GD=3000 GMIN=16
Delay: RTD=45 ESD=70 OWD=23 IAJ=9 MAJ=5
Signal: SL=-21 NL=-50 RERL=50
QualityEst: RLQ=78 RCQ=75 MOSLQ=3.7 MOSCQ=3.5 QoEEstAlg=P.564
DialogID: @CALLID@;to-tag=@TOTAG@;from-tag=@FROMTAG@
"""
@scenario('sipp phones: answered, 4 s of voice, the caller hangs up; then it sends a PUBLISH (RFC 6035, application/vq-rtcpxr) that names the call to a third sipp, which answers 200. The metrics in it are invented; names, times and SSRCs are the call\'s. The PUBLISH is larger than the MTU: two IP fragments.', [DONE],
          reports=[{'call_id': 'that of the call', 'kind': 'CallTerm', 'local': {'loss': 1.5, 'discard': .5, 'round_trip_ms': 45, 'jitter_ms': 4, 'r_lq': 88, 'r_cq': 85, 'mos_lq': 4.1, 'mos_cq': 4.0},
                    'remote': {'loss': 3.0, 'discard': 1.0, 'round_trip_ms': 45, 'jitter_ms': 9, 'r_lq': 78, 'r_cq': 75, 'mos_lq': 3.7, 'mos_cq': 3.5}}])
def publish_vqrtcpxr(l):
    cid, ft, tt = secrets.token_hex(6) + '@192.0.2.1', secrets.token_hex(4), secrets.token_hex(4); stamp = lambda: time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())
    l.capture(); x, y = talk(4, up='ssrc=1a2b3c4d', down='ssrc=5e6f7081'); l.uas('b', y, tag=tt); start = stamp(); l.uac('a', x, tag=ft, extra=('-cid_str', cid)); stop = stamp(); time.sleep(1.3)
    b = RTCPXR
    for k, v in (('CALLID', cid), ('START', start), ('STOP', stop), ('TOTAG', tt + '1'), ('FROMTAG', ft + '1')): b = b.replace('@' + k + '@', v)
    open(l.dir + '/xr.txt', 'w').write(b)
    l.uas('c', '< PUBLISH\n> 200 OK | SIP-ETag: lab1 | Expires: 3600', me='collector')
    l.uac('a', f'> PUBLISH body={l.dir}/xr.txt | Event: vq-rtcpxr | Expires: 3600 | Content-Type: application/vq-rtcpxr\n< 200', to='192.0.2.3:5060', peer='collector'); l.errors()
publish_vqrtcpxr.hosts = 'abc'
@scenario('phone_ws.py speaks SIP over WebSocket to kamailio 5.6.3, registers and calls 2002, a sipp on UDP; 4 s of voice; the caller hangs up; captured at the caller.', [DONE], registrations=[dict(aor='1001@lab.example', state='registered', expires=300)], transport='ws')
def websocket(l):
    l.proxy(); l.capture(at='a'); l.uas('b', talk(4)[1], routes=True); l.wait(l.run('a', sys.executable, HERE + '/phone_ws.py', '192.0.2.1', '192.0.2.10', '8080'), 20); l.errors()
websocket.hosts = 'abp'
@scenario('sipp calls through kamailio 5.6.3, whose siptrace sends every message it gets and sends as HEP3 over UDP; captured on the way to the HEP collector: nothing but HEP; both hops of one call; 3 s of voice elsewhere.', [DONE])
def hep_kamailio(l):
    l.proxy('TRACE'); l.silent('c', 9060); l.capture(filter='port 9060'); l.uas('b', PUAS, routes=True); l.uac('a', PUAC, to='192.0.2.10:5060', routes=True); l.errors()
hep_kamailio.hosts = 'abcp'
def hep(how, port):
    def f(l, out):
        if how == 'udp': l.silent('b', port)
        else: l.run('b', sys.executable, '-c', f"import socket\ns=socket.create_server(('0.0.0.0',{port}))\nc=s.accept()[0]\nwhile c.recv(65535): pass"); time.sleep(.4)
        l.capture(filter=f'port {port}'); l.wait(l.run('a', sys.executable, HERE + '/hep.py', how, f'192.0.2.2:{port}', f'{out}/answered.pcap.gz'), 20)
    f.__name__ = 'hep_' + how
    scenario(f'The SIP and RTCP (as JSON, type 5) of "answered", sent by hep.py as HEP3 over {how.upper()} in its own time, with a correlation id: the HEP chunks carry the phones\' addresses.', [DONE])(f)
hep('udp', 9060); hep('tcp', 9061)
@scenario('"answered" with each frame twice, 5 to 100 µs apart, by mirror.py: a span port that copies both ports of a call.', [DONE])
def mirrored(l, out):
    subprocess.run([sys.executable, HERE + '/mirror.py', f'{out}/answered.pcap.gz', l.dir + '/m.pcap'], check=True); l.caps['mirrored'] = (subprocess.Popen('true'), l.dir + '/m.pcap')
def baresip(l, host, peer, tls):
    with wave.open(l.dir + '/tone.wav', 'wb') as w:
        w.setparams((1, 2, 8000, 0, 'NONE', '')); w.writeframes(b''.join(struct.pack('<h', int(8000 * math.sin(k * math.pi / 4))) for k in range(8000 * 10)))
    d = f'{l.dir}/{host}'; os.mkdir(d); ip = IP[host]; t = ';transport=tls' if tls else ''
    open(d + '/config', 'w').write('\n'.join(['poll_method epoll', f'audio_source aufile,{l.dir}/tone.wav', 'audio_player aubridge,nil', 'audio_alert aubridge,nil', 'sip_listen 0.0.0.0:5060',
        'ausrc_srate 8000', 'auplay_srate 8000', 'ausrc_channels 1', 'auplay_channels 1', 'rtp_ports ' + ('16384-16400' if host == 'a' else '20000-20020'), 'net_interface eth0', 'module_path /usr/lib/baresip/modules',
        *([f'sip_certificate {l.dir}/cert.pem'] if tls else []), 'module stdio.so', 'module g711.so', 'module aufile.so', 'module aubridge.so', 'module uuid.so', 'module_tmp account.so', 'module_app menu.so', '']))
    open(d + '/contacts', 'w').close(); user = '1001' if host == 'a' else '2002'
    open(d + '/accounts', 'w').write(f'<sip:{user}@{ip}{t}>;regint=0;audio_codecs=PCMA/8000{";answermode=auto" if host == "b" else ""}\n'); return d
def by_baresip(name, how, tls=False, most=None, proxy=False, seconds=4.5, **story):
    def f(l):
        f0 = None; e = {}; via = 'p' if proxy else 'b'
        if tls:
            c = l.dir + '/cert.pem'; subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '3650', '-subj', '/CN=lab.example', '-keyout', c, '-out', c + '.crt'], check=True, stderr=subprocess.DEVNULL)
            open(c, 'a').write(open(c + '.crt').read())
        if most:
            open(l.dir + '/ssl.cnf', 'w').write(f'openssl_conf=d\n[d]\nssl_conf=s\n[s]\nsystem_default=x\n[x]\nMinProtocol=TLSv1.2\nMaxProtocol={most}\n'); e = {'OPENSSL_CONF': l.dir + '/ssl.cnf'}
        if proxy:
            l.run('p', 'rtpengine', '--table=-1', '--interface=192.0.2.10', '--listen-ng=127.0.0.1:2223', '--port-min=30000', '--port-max=30100', '--foreground', '--log-stderr', '--pidfile=' + l.dir + '/rtpengine.pid',
                  '--homer=192.0.2.3:9060', '--homer-protocol=udp', '--homer-id=2003'); l.silent('c', 9060); l.proxy('RELAY', 'TRACE'); l.capture('hep_relay', filter='port 9060')
        l.capture(name, filter='(udp or tcp) and not port 9060'); da, db = baresip(l, 'a', 'b', tls), baresip(l, 'b', 'a', tls)
        l.run('b', 'chrt', '-f', '20', 'baresip', '-f', db, stdin=subprocess.PIPE, env=e); time.sleep(1); p = l.run('a', 'chrt', '-f', '20', 'baresip', '-f', da, stdin=subprocess.PIPE, env=e); time.sleep(1)
        say = lambda t: (p.stdin.write(t.encode() + b'\n'), p.stdin.flush())
        say(f'/dial sip:2002@{IP[via]}' + (';transport=tls' if tls else '')); time.sleep(seconds); say('/hangup'); time.sleep(1); say('/quit'); l.wait(p, 5); time.sleep(.5)
        l.end(l.caps[name][0], signal.SIGINT); f0 = l.caps[name][1]; ports = map(str, [*range(16384, 16400, 2), *range(20000, 20020, 2), *range(30000, 30100, 2)])
        subprocess.run([sys.executable, HERE + '/cut.py', f0, f0 + '.cut', *ports], check=True); os.replace(f0 + '.cut', f0)
    f.hosts = 'abcp' if proxy else 'ab'
    f.__name__ = name; scenario('Two baresip 1.0.0: ' + how + ' The voice is cut off behind the RTP header.', [DONE], **story)(f)
by_baresip('baresip', 'answered at once, 4 s of voice both ways with RTCP, the caller hangs up.')
by_baresip('relay', 'called through kamailio 5.6.3, which puts rtpengine 10.5.3 between (SDP rewritten, one Call-ID): answered at once, 6 s of voice both ways with RTCP, the caller hangs up; captured on the bridge: both hops of signalling and of media.', proxy=True, seconds=6.3)
ALL['hep_relay'] = (ALL['relay'][0], 'The same run as "relay": what kamailio\'s siptrace (SIP, both hops) and rtpengine (RTCP as JSON) sent as HEP3 over UDP; nothing but HEP.', ALL['relay'][2])
by_baresip('tls13', 'SIP over TLS 1.3 with a certificate of openssl\'s and no keys for the reader; 4 s of RTP in the clear, with RTCP. (The story is what happened; a reader without keys sees no call.)', True, transport='tls', visible_calls=0)
by_baresip('tls12', 'SIP over TLS 1.2 with a certificate of openssl\'s and no keys for the reader; 4 s of RTP in the clear, with RTCP. (The story is what happened; a reader without keys sees no call.)', True, 'TLSv1.2', transport='tls', visible_calls=0)

def make(name, out):
    f, how, story = ALL[name]; l = Lab(name, getattr(f, 'hosts', 'ab'))
    try: f(l, out) if f.__code__.co_argcount == 2 else f(l)      # those with two read another capture
    finally: caps = l.done()
    for n, p in caps.items():
        d = open(p, 'rb').read()
        with open(f'{out}/{n}.pcap.gz', 'wb') as g: g.write(subprocess.run(['gzip', '-9nc'], input=d, stdout=subprocess.PIPE).stdout)
        print(n, os.path.getsize(f'{out}/{n}.pcap.gz'), flush=True)
    if os.environ.get('KEEP'): print(l.dir)
    else: shutil.rmtree(l.dir)
if __name__ == '__main__':
    for n in [n for n in ALL if n not in ('forked_proxy', 'hep_relay')] if sys.argv[1] == 'all' else sys.argv[1].split(','): make(n, os.path.abspath(sys.argv[2]))
