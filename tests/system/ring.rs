//! Live interfaces: what the probe hears on them is what tcpdump writes, and an interface may come and go.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of tests fails the test"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::thread::sleep;
use std::time::Duration;

use pnet_datalink::{Channel, DataLinkSender};
use probes::pcap::{self, Input, Writer};
use probes::{Frame, LinkType};
use serde_json::{Map, Value, json};

use super::calls::{Call, Frames, a_quarter, none};
use super::http::value;
use super::processes::{PATIENCE, Running, folder, now, run, succeed, text, wait_for};

/// Some frames carry a tag of this VLAN, which is a site.
const VLAN: u8 = 5;
const CONFIG: &str = "[probe]\nring_mib = 16\n[[customer]]\nname = \"acme\"\n\
                      [[site]]\nname = \"tagged\"\ncustomer = \"acme\"\nvlans = [5]\n";

/// A network namespace. What is sent on an interface of ours arrives on one in there.
struct Net(String);

impl Net {
    /// `None`, said aloud, for whoever may not make one.
    fn new(name: &str) -> Option<Self> {
        if text(&run(Command::new("id").arg("-u")).stdout).trim() != "0" {
            println!("SKIPPED: interfaces can be made by root alone; nothing of the capture ring was tested");
            return None;
        }
        let net = Self(format!("ring-{name}{}", process::id()));
        succeed(Command::new("ip").args(["netns", "add", &net.0]));
        net.ip("link set lo up");
        // Else IPv6 says hello on each new interface.
        succeed(net.command("sysctl").args(["-qw", "net.ipv6.conf.default.disable_ipv6=1"]));
        Some(net)
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    fn ip(&self, arguments: &str) {
        succeed(self.command("ip").args(arguments.split(' ')));
    }

    /// The interface that sends to `bN`.
    fn sender(&self, number: u32) -> String {
        // A name has 15 bytes at most.
        format!("{}{number}", self.0)
    }

    /// Makes `bN`, which is down, and what sends to it.
    fn pair(&self, number: u32) {
        let sender = self.sender(number);
        let pair = format!("link add {sender} type veth peer name b{number} netns {}", self.0);
        succeed(Command::new("ip").args(pair.split(' ')));
        fs::write(format!("/proc/sys/net/ipv6/conf/{sender}/disable_ipv6"), "1").unwrap();
        succeed(Command::new("ip").args(["link", "set", &sender, "up"]));
    }

    /// Sends a capture to `bN`s at the speed of its times: to which of them, `to` says of each frame. How many
    /// packets and bytes went through, by the interfaces' own count.
    fn play(&self, capture: &Path, interfaces: u32, to: impl Fn(&[u8]) -> usize) -> (u64, u64) {
        let names: Vec<_> = (0..interfaces).map(|number| self.sender(number)).collect();
        let gone_through = |what: &str| names.iter().map(|name| statistic(name, what)).sum::<u64>();
        let before = (gone_through("tx_packets"), gone_through("tx_bytes"));
        let mut senders: Vec<_> = names.iter().map(|name| open_sender(name)).collect();
        let (began, mut first) = (now(), None);
        each_frame(capture, |frame| {
            let at = frame.time.nanos_since(*first.get_or_insert(frame.time));
            let early = Duration::from_nanos(at.unsigned_abs()).saturating_sub(began.elapsed());
            if early > Duration::from_micros(100) {
                sleep(early);
            }
            let sender = &mut senders[to(frame.data)];
            // On a busy machine the sender's queue may be full for a while.
            wait_for("room to send", PATIENCE, || sender.send_to(frame.data, None).unwrap().ok());
        });
        (gone_through("tx_packets") - before.0, gone_through("tx_bytes") - before.1)
    }

    fn probe(&self, folder: &Path, arguments: &[&str]) -> Running {
        let mut command = self.command(env!("CARGO_BIN_EXE_clearline"));
        let address = ["--web.listen-address", "127.0.0.1:9768"];
        command.arg("probe").args(arguments).args(address).current_dir(folder);
        let probe = Running::start("clearline", folder, command.env_remove("CLEARLINE_PRIVACY_KEY"));
        wait_for("a listening probe", PATIENCE, || probe.said().contains("serving HTTP").then_some(()));
        probe
    }

    fn tcpdump(&self, folder: &Path, interface: &str) -> Running {
        let mut command = self.command("tcpdump");
        command.args([
            "-i",
            interface,
            "-B",
            "65536",
            "--time-stamp-precision=nano",
            "-U",
            "-Z",
            "root",
            "-w",
        ]);
        let name = format!("{interface}.pcap");
        let tcpdump = Running::start(&name, folder, command.arg(folder.join(&name)));
        wait_for("tcpdump", PATIENCE, || tcpdump.said().contains("listening on").then_some(()));
        tcpdump
    }

    /// What the probe shows; from within the namespace, as no other sees its loopback.
    fn scrape(&self) -> String {
        let ask = "exec 3<>/dev/tcp/127.0.0.1/9768; printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
        text(&run(self.command("bash").args(["-c", ask])).stdout)
    }

    fn counted(&self, metric: &str, interface: &str) -> f64 {
        let scraped = self.scrape();
        let start = format!("clearline_capture_{metric}_total{{interface=\"{interface}\"");
        let values = scraped.lines().filter(|line| line.starts_with(&start));
        values.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum()
    }

    /// Frames lost at one place of the way.
    fn lost(&self, place: &str, interface: &str) -> f64 {
        let name =
            format!("clearline_capture_dropped_packets_total{{interface=\"{interface}\",where=\"{place}\"}}");
        value(&self.scrape(), &name).unwrap()
    }

    /// Waits until every packet is accounted for. On a busy machine veth itself has no room for some: neither
    /// the probe nor tcpdump sees those, but the probe knows of them.
    fn heard(&self, packets: u64, interfaces: &[&str]) {
        let known = |interface: &&str| self.counted("packets", interface) + self.lost("nic", interface);
        let end = now() + PATIENCE;
        while interfaces.iter().map(known).sum::<f64>() < packets as f64 {
            assert!(now() < end, "of {packets} packets some are missing: {}", self.scrape());
            sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        // Its interfaces go with it.
        let _gone = Command::new("ip").args(["netns", "del", &self.0]).status();
    }
}

fn statistic(interface: &str, what: &str) -> u64 {
    let path = format!("/sys/class/net/{interface}/statistics/{what}");
    fs::read_to_string(path).unwrap().trim().parse().unwrap()
}

/// Until the kernel has noticed that the other end is up it throws away what is sent: so until something goes
/// through, a frame of an experimental type is sent.
fn open_sender(name: &str) -> Box<dyn DataLinkSender> {
    let interface = pnet_datalink::interfaces().into_iter().find(|i| i.name == name).unwrap();
    let channel = pnet_datalink::channel(&interface, pnet_datalink::Config::default()).unwrap();
    let Channel::Ethernet(mut sender, _) = channel else { panic!("{name} is no Ethernet") };
    let mut frame = [0; 60];
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    let before = statistic(name, "tx_packets");
    wait_for("the other end", PATIENCE, || {
        sender.send_to(&frame, None).unwrap().unwrap();
        (statistic(name, "tx_packets") > before).then_some(())
    });
    sender
}

fn each_frame(capture: &Path, mut take: impl FnMut(&Frame<'_>)) {
    let mut timeline = pcap::open(&[Input::from(capture.to_owned())]).unwrap();
    loop {
        let mut frames = [Frame::default(); 64];
        let count = timeline.fill(&mut frames);
        if count == 0 {
            return;
        }
        frames.iter().take(count).for_each(&mut take);
    }
}

/// Writes the frames of a capture anew, each as `change` makes it.
fn rewritten(from: &Path, to: &Path, change: impl Fn(&[u8]) -> Vec<u8>) {
    let mut writer = Writer::new(Vec::new(), LinkType::ETHERNET).unwrap();
    each_frame(from, |frame| {
        let data = change(frame.data);
        let original_len = u32::try_from(data.len()).unwrap();
        writer.write(&Frame { data: &data, original_len, ..*frame }).unwrap();
    });
    fs::write(to, writer.into_inner()).unwrap();
}

/// The frame of a phone that is on the tagged VLAN, with its tag.
fn tagged(frame: &[u8]) -> Vec<u8> {
    let (source, destination) = (&frame[26..30], &frame[30..34]);
    if [source, destination].iter().any(|a| a[..3] == [192, 0, 2] && a[3] % 2 == 1) {
        [&frame[..12], &[0x81, 0, 0, VLAN], &frame[12..]].concat()
    } else {
        frame.to_vec()
    }
}

fn calls(number: u32, packets: u16) -> Vec<Call> {
    let call = |number: u32| Call {
        number,
        phone: [192, 0, 2, u8::try_from(10 + number % 100).unwrap()].into(),
        at_ms: i64::from(number * 13 % 1000),
        packets,
        lost: if number.is_multiple_of(3) { a_quarter } else { none },
        ..Call::default()
    };
    (0..number).map(call).collect()
}

/// What matters of each stream and each call, by what tells it from the others.
fn told(report: &Value) -> Value {
    let keep = |of: &Value, keys: &[&str]| -> Map<String, Value> {
        keys.iter().map(|key| ((*key).to_owned(), of[*key].clone())).collect()
    };
    let streams = report["streams"].as_array().unwrap().iter().map(|stream| {
        let mut kept = keep(
            stream,
            &[
                "id",
                "src",
                "dst",
                "codec",
                "packets",
                "expected",
                "lost",
                "reordered",
                "duplicates",
                "views",
                "site",
                "first",
                "last",
                "scale",
                "burst",
            ],
        );
        for mos in ["mos_lq", "mos_cq", "r"] {
            let rounded = stream[mos].as_f64().map(|mos| (mos * 100.0).round());
            kept.insert(mos.to_owned(), json!(rounded));
        }
        (stream["ssrc"].to_string(), Value::Object(kept))
    });
    let calls = report["calls"].as_array().unwrap().iter().map(|call| {
        let keys =
            ["id", "state", "status", "ended_by", "start", "answer", "end", "post_dial_delay_ms", "audio"];
        (call["call_id"].to_string(), Value::Object(keep(call, &keys)))
    });
    json!({ "streams": streams.collect::<Map<_, _>>(), "calls": calls.collect::<Map<_, _>>() })
}

fn report(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn analysed(folder: &Path, captures: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clearline"));
    command.args(["analyze", "--format", "json", "--config.file", "site.toml"]).args(captures);
    let output = run(command.current_dir(folder).env_remove("CLEARLINE_PRIVACY_KEY"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Ends a probe and each tcpdump beside it, once that has written all; none of them may have lost anything.
fn end(net: &Net, folder: &Path, probe: &mut Running, tcpdumps: Vec<(&str, Running)>) {
    for (interface, mut tcpdump) in tcpdumps {
        let (packets, bytes) = (net.counted("packets", interface), net.counted("bytes", interface));
        let file = folder.join(format!("{interface}.pcap"));
        // A file's header, a header for each packet.
        let size = 24.0 + 16.0 * packets + bytes;
        wait_for("all of it in tcpdump's file", PATIENCE, || {
            (fs::metadata(&file).unwrap().len() as f64 >= size).then_some(())
        });
        tcpdump.signal("INT");
        tcpdump.end(PATIENCE);
        assert!(tcpdump.said().contains("\n0 packets dropped by kernel"), "{}", tcpdump.said());
        let lost = ["kernel", "queue"].map(|place| net.lost(place, interface));
        assert_eq!(lost, [0.0, 0.0], "{}", net.scrape());
    }
    probe.signal("TERM");
    assert!(probe.end(PATIENCE).success(), "{}", probe.said());
}

/// A live run's report, which says the same as an analysis of what tcpdump wrote meanwhile.
fn same(folder: &Path, captures: &[&str]) -> Value {
    let live = told(&report(folder.join("live.json")));
    let file = told(&analysed(folder, captures));
    for kind in ["streams", "calls"] {
        let (live, file) = (live[kind].as_object().unwrap(), file[kind].as_object().unwrap());
        assert_eq!(live.len(), file.len(), "{kind}");
        for (name, of_file) in file {
            assert_eq!(&live[name], of_file, "{kind} {name}: live, and analysed from the file");
        }
    }
    live
}

/// At 15,000 packets a second for ten seconds, also in a build without optimisation.
#[test]
fn a_live_run_tells_what_tcpdump_wrote_of_it() {
    let Some(net) = Net::new("s") else { return };
    let folder = folder("ring-same");
    fs::write(folder.join("site.toml"), CONFIG).unwrap();
    net.pair(0);
    net.ip("link set b0 up");
    let plain = Frames::of(&calls(200, 400)).write(&folder, "plain.pcap");
    let calls = folder.join("calls.pcap");
    rewritten(&plain, &calls, tagged);

    let arguments = ["-i", "b0", "--config.file", "site.toml", "--report", "live.json"];
    let mut probe = net.probe(&folder, &arguments);
    let tcpdump = net.tcpdump(&folder, "b0");
    let began = now();
    let (sent, bytes) = net.play(&calls, 1, |_| 0);
    let took = began.elapsed();
    net.heard(sent, &["b0"]);
    let by_veth = net.lost("nic", "b0");
    assert_eq!(net.counted("packets", "b0"), sent as f64 - by_veth);
    if by_veth == 0.0 {
        assert_eq!(net.counted("bytes", "b0"), bytes as f64, "also the tags that the kernel takes out");
    }
    end(&net, &folder, &mut probe, vec![("b0", tcpdump)]);

    let live = same(&folder, &["b0.pcap"]);
    assert_eq!(live["calls"].as_object().unwrap().len(), 200);
    let sites = live["streams"].as_object().unwrap().values().filter(|s| s["site"] == "tagged").count();
    assert_eq!(sites, 200, "half of the phones are on the VLAN, which only the tag tells");
    println!("{sent} packets in {took:?}, {by_veth} of them lost by veth");
}

/// A tap has a port for each direction: an answer must not overtake its question.
#[test]
fn two_interfaces_are_one_row_of_frames() {
    let Some(net) = Net::new("t") else { return };
    let folder = folder("ring-tap");
    fs::write(folder.join("site.toml"), "[probe]\ninterfaces = [\"b0\", \"b1\"]\n").unwrap();
    for number in 0..2 {
        net.pair(number);
        net.ip(&format!("link set b{number} up"));
    }
    let calls = Frames::of(&calls(40, 100)).write(&folder, "calls.pcap");
    let mut probe = net.probe(&folder, &["--config.file", "site.toml", "--report", "live.json"]);
    let tcpdumps = ["b0", "b1"].map(|interface| (interface, net.tcpdump(&folder, interface)));
    let (sent, _) = net.play(&calls, 2, |frame| usize::from(frame[26..29] == [192, 0, 2]));
    net.heard(sent, &["b0", "b1"]);
    end(&net, &folder, &mut probe, tcpdumps.into());
    let heard = same(&folder, &["b0.pcap", "b1.pcap"]);
    let calls = heard["calls"].as_object().unwrap();
    assert_eq!(calls.len(), 40);
    assert!(calls.values().all(|call| call["state"] == "completed"), "{calls:?}");
}

#[test]
fn an_interface_that_goes_is_waited_for() {
    let Some(net) = Net::new("g") else { return };
    let folder = folder("ring-gone");
    net.pair(0);
    let calls = Frames::of(&calls(5, 20)).write(&folder, "calls.pcap");
    let probe = net.probe(&folder, &["-i", "b0"]);
    let says = |what: &str, times: usize| {
        wait_for(what, PATIENCE, || (probe.said().matches(what).count() == times).then_some(()));
    };
    let up = || value(&net.scrape(), "clearline_interface_up{interface=\"b0\"}");
    let mut sum = 0;
    let mut send = || {
        sum += net.play(&calls, 1, |_| 0).0;
        net.heard(sum, &["b0"]);
        assert_eq!(net.counted("packets", "b0") + net.lost("nic", "b0"), sum as f64);
    };

    says("interface b0 is down", 1);
    assert_eq!(up(), Some(0.0));
    net.ip("link set b0 up");
    says("listening interface=\"b0\"", 1);
    send();
    assert_eq!(up(), Some(1.0));

    net.ip("link del b0");
    says("interface b0 is gone", 1);
    // Said once, however long it takes.
    sleep(Duration::from_millis(2500));
    wait_for("word that it is down", PATIENCE, || (up() == Some(0.0)).then_some(()));
    assert_eq!(probe.said().matches("WARN").count(), 2, "{}", probe.said());
    net.pair(0);
    net.ip("link set b0 up");
    says("listening interface=\"b0\"", 2);
    send();

    net.ip("link set b0 down");
    says("interface b0 is down", 2);
    net.ip("link set b0 name c0");
    net.ip("link set c0 up");
    sleep(Duration::from_millis(1500));
    assert_eq!(up(), Some(0.0));
    net.ip("link set c0 down");
    net.ip("link set c0 name b0");
    net.ip("link set b0 up");
    says("listening interface=\"b0\"", 3);
    send();
    let lost = ["kernel", "queue"].map(|place| net.lost(place, "b0"));
    assert_eq!(lost, [0.0, 0.0], "{}", net.scrape());
}
