#!/usr/bin/env python3
"""Every scenario: what is run, and what is therefore true. usage: calls.py NAME|all OUTDIR"""
import gzip, json, os, sys, time, signal, subprocess, secrets
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
          [('1001', '2002', state, n, 'callee' if False else None)])
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
@scenario('sipp registers with a host that takes everything and says nothing: 11 REGISTERs by timer E over 31.5 s and no answer; NTP requests keep the clock going until 42 s.', registrations=[dict(aor='1001@lab.example', state='rejected', expires=None)], retransmissions=10)
def register_timeout(l):
    l.silent('b', 5060, 123); l.capture(); p = l.uac('a', REG.format(1, 300) + '\n< 200', wait=0); l.clock(42); l.end(p)
for f, h in ((register_auth, 'ap'), (register_failure, 'ap'), (register_refresh, 'ap'), (register_expiry, 'abp')): f.hosts = h
@scenario('sipp sends OPTIONS every 2 s; another answers four; then the network drops them: two more OPTIONS, each sent again by timer E, get no answer in 40 s.', options=dict(answered=4, errors=0, timeouts=2))
def options_unanswered(l):
    ask = '> OPTIONS | Accept: application/sdp\n< 200'; rate = ('-r', '1', '-rp', '2000'); l.silent('b', 123); l.capture()
    b = l.uas('b', '< OPTIONS\n> 200 OK | Allow: INVITE, ACK, CANCEL, BYE, OPTIONS', m=4)
    p = l.sipp('a', Phone('uac', '1001', '2002', ask, 0), '192.0.2.2:5060', extra=rate, m=4); p.wait(30); b.wait(5); l.silent('b', 5060)
    p = l.sipp('a', Phone('uac', '1001', '2002', ask, 0), '192.0.2.2:5060', extra=rate, m=2); l.clock(40); l.end(p)
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
def refer_b(command): return f"""< INVITE
~ 30
> 180 Ringing
~ 700
> 200 OK sdp
< ACK
{DOWN}2.3
< REFER
> 202 Accepted
> NOTIFY body=trying.txt | Event: refer | Subscription-State: active;expires=60 | Content-Type: message/sipfrag;version=2.0
< 200
$ {command}
~ 1500
> NOTIFY body=ok.txt | Event: refer | Subscription-State: terminated;reason=noresource | Content-Type: message/sipfrag;version=2.0
< 200
< BYE
> 200 OK"""
def fragments(l):
    os.chdir(l.dir); open('trying.txt', 'w').write('SIP/2.0 100 Trying\n'); open('ok.txt', 'w').write('SIP/2.0 200 OK\n')
def second(l, host, text, port, target, **kw):
    """A command that starts a second sipp on the same host, for a call of its own."""
    ph = Phone('uac', kw.pop('me'), kw.pop('peer'), text, kw.pop('mport'), **kw); f = f'{l.dir}/second{port}.xml'; open(f, 'w').write(ph.xml())
    return f"TERM=xterm sipp -sf {f} -i {IP[host]} -mi {IP[host]} -p {port} -m 1 -nostdin -cid_str {getattr(ph, 'cidstr', secrets.token_hex(6) + '-2@%s')} -trace_err -error_file {l.dir}/err{port}.txt {target} >/dev/null 2>&1 &"
@scenario('sipp phones: 1001 calls 2002 and sends it REFER to 3003; 2002 (a second sipp, port 5062) calls 3003 with Referred-By and a Call-ID of its own, tells by NOTIFY (sipfrag), 1001 hangs up; 2002 and 3003 talk 3 s.',
          [('1001', '2002', 'completed', 200, 'caller', 2, ['refer'])])
def blind_transfer(l):
    fragments(l); l.capture()
    new = second(l, 'b', '> INVITE sdp | Referred-By: <sip:1001@lab.example>\n< 180?\n< 200\n> ACK\nrtp 20010 192.0.2.3:20000 3\n~ 3200\n> BYE\n< 200', 5062, '192.0.2.3:5060', me='2002', peer='3003', mport=20010)
    l.uas('b', refer_b(new)); c = l.uas('c', '< INVITE\n~ 30\n> 180 Ringing\n~ 500\n> 200 OK sdp\n< ACK\nrtp 20000 192.0.2.2:20010 3\n< BYE\n> 200 OK', me='3003', peer='2002')
    l.uac('a', REFER_A % 'sip:3003@192.0.2.3:5060'); c.wait(20); l.errors()
@scenario('sipp phones: 1001 calls 2002, then (a second sipp, port 5062) asks 3003, then sends 2002 REFER whose Refer-To carries Replaces; 2002 (port 5062) calls 3003 with Replaces, 3003 ends the call it replaces; 2002 and 3003 talk 3 s.',
          [('1001', '2002', 'completed', 200, 'caller', 3, ['refer', 'replaces'])])
def attended_transfer(l):
    fragments(l); l.capture(); cid = secrets.token_hex(6) + '@192.0.2.1'; at, ct = secrets.token_hex(4), secrets.token_hex(4)
    ask = '> INVITE sdp\n< 180?\n< 200\n> ACK\nrtp 16390 192.0.2.3:20000 2\n< BYE\n> 200 OK'
    Phone.cidstr = cid; consult = second(l, 'a', ask, 5062, '192.0.2.3:5060', me='1001', peer='3003', mport=16390, tag=at); del Phone.cidstr
    replaces = f'{cid};to-tag={ct}1;from-tag={at}1'
    new = second(l, 'b', f'> INVITE sdp | Replaces: {replaces} | Referred-By: <sip:1001@lab.example> | Require: replaces\n< 200\n> ACK\nrtp 20010 192.0.2.3:20002 3\n~ 3200\n> BYE\n< 200', 5062, '192.0.2.3:5060', me='2002', peer='3003', mport=20010)
    l.uas('b', refer_b(new).replace(DOWN + '2.3', DOWN + '1').replace('~ 1500', '~ 600'))
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
    l.uac('a', (REFER_A % refer).replace(UP + '2.3\n~ 2300', UP + f'1\n~ 1000\n$ {consult}\n~ 2600')); c.wait(20); l.errors()
blind_transfer.hosts = attended_transfer.hosts = 'abc'

def make(name, out):
    f, how, story = ALL[name]; l = Lab(name, getattr(f, 'hosts', 'ab'))
    try: f(l)
    finally: caps = l.done()
    for n, p in caps.items():
        d = open(p, 'rb').read()
        with open(f'{out}/{n}.pcap.gz', 'wb') as g: g.write(subprocess.run(['gzip', '-9nc'], input=d, stdout=subprocess.PIPE).stdout)
        print(n, os.path.getsize(f'{out}/{n}.pcap.gz'), flush=True)
    if os.environ.get('KEEP'): print(l.dir)
    else: shutil.rmtree(l.dir)
if __name__ == '__main__':
    for n in ALL if sys.argv[1] == 'all' else sys.argv[1].split(','): make(n, sys.argv[2])
