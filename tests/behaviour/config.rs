//! `clearline config`: faults with their places, what is shown, and the examples that ship.
#![expect(clippy::unwrap_used, reason = "a helper of tests fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clearline::config;
use clearline::decode::{Endpoint, Flow};
use clearline::track::sites::Sites;
use expect_test::{Expect, expect};

/// A folder of its own, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("clearline-config-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        for (name, text) in files {
            fs::write(path.join(name), text).unwrap();
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn clearline(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clearline"))
        .arg("config")
        .args(arguments)
        .current_dir(folder)
        .env_remove("CLEARLINE_PRIVACY_KEY")
        .output()
        .unwrap()
}

/// What the command prints, standard error marked, then its exit status.
fn check(files: &[(&str, &str)], arguments: &[&str], wanted: &Expect) {
    let name: String = arguments.join("-").chars().filter(char::is_ascii_alphanumeric).collect();
    let folder = Folder::new(&format!("{name}{}", files.len()), files);
    let Output { status, stdout, stderr } = clearline(&folder.0, arguments);
    let stderr: String =
        String::from_utf8(stderr).unwrap().lines().map(|line| format!("stderr: {line}\n")).collect();
    let stdout = String::from_utf8(stdout).unwrap();
    wanted.assert_eq(&format!("{stdout}{stderr}exit {}\n", status.code().unwrap()));
}

#[test]
fn a_good_file_is_told_in_a_line() {
    let text = "[[customer]]\nname = \"Acme\"\n[[site]]\nname = \"HQ\"\ncustomer = \"Acme\"\nsubnets = [\"10.0.0.0/8\"]\n";
    check(
        &[("c.toml", text)],
        &["check", "c.toml"],
        &expect![[r#"
        ok: 1 customer, 1 site with 1 subnet, 0 peers
        exit 0
    "#]],
    );
    let text = "[limits]\nsites = 1\n[[customer]]\nname = \"Acme\"\n[[site]]\nname = \"A\"\ncustomer = \"Acme\"\n\
                [[site]]\nname = \"B\"\ncustomer = \"Acme\"\n";
    check(
        &[("many.toml", text)],
        &["check", "many.toml"],
        &expect![[r#"
            ok: 1 customer, 2 sites with 0 subnets, 0 peers
            limits.sites = 1: metrics count 1 site beyond it as "overflow"
            exit 0
        "#]],
    );
    let text = "hep.listen = [\":9060\"]\nprobe.filter = \"udp\"\n";
    check(
        &[("c.toml", text)],
        &["check", "c.toml", "--set", "limits.calls=5"],
        &expect![[r#"
        ok: 0 customers, 0 sites with 0 subnets, 0 peers
        not in use yet in this version: probe.filter
        exit 0
    "#]],
    );
}

#[test]
fn every_fault_has_a_line_on_standard_output_and_the_status_is_2() {
    check(
        &[
            ("c.toml", "sites_file = \"sites.csv\"\n[limit]\ncalls = 5\n[score]\nprofile = \"ITU\"\n"),
            ("sites.csv", "customer,site,subnet\nAcme,HQ,10.0.0.0/8\n"),
        ],
        &["check", "c.toml", "--set", "limits.calls=0"],
        &expect![[r#"
            c.toml:2:2: limit: no such table; did you mean [limits]?
            c.toml:5:11: score.profile: "ITU" is no choice; write "itu" or "pesq" (did you mean "itu"?)
            sites.csv:2:1: customer: there is no customer "Acme"; add a [[customer]] with name = "Acme" to the configuration
            --set limits.calls: 0 is out of range; write a whole number from 1 to 10000000
            stderr: clearline: c.toml: 4 faults
            exit 2
        "#]],
    );
    check(
        &[],
        &["check", "absent.toml"],
        &expect![[r#"
        absent.toml:1:1: cannot be read: No such file or directory (os error 2); check the path and its permissions
        stderr: clearline: absent.toml: 1 fault
        exit 2
    "#]],
    );
    check(
        &[],
        &["check", "."],
        &expect![[r#"
        .:1:1: cannot be read: is a directory; check the path and its permissions
        stderr: clearline: .: 1 fault
        exit 2
    "#]],
    );
}

#[test]
fn show_takes_a_file_and_overlays_and_tells_their_faults() {
    let Output { status, stdout, .. } = clearline(Path::new("."), &["show", "--set", "limits.calls=77"]);
    let stdout = String::from_utf8(stdout).unwrap();
    assert!(status.success());
    assert!(stdout.contains("; default 262144;") && stdout.contains("\ncalls = 77\n"), "{stdout}");
    check(
        &[("c.toml", "[score]\nprofile = \"ITU\"\nplayout = 1\n")],
        &["show", "--config.file", "c.toml"],
        &expect![[r#"
            stderr: clearline: c.toml:2:11: score.profile: "ITU" is no choice; write "itu" or "pesq" (did you mean "itu"?)
            stderr: clearline: c.toml:3:11: score.playout: is a whole number; put it in quotes: "adaptive" or "fixed"
            exit 2
        "#]],
    );
}

#[test]
fn what_show_prints_passes_check() {
    let shown = clearline(Path::new("."), &["show"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    check(
        &[("shown.toml", &shown)],
        &["check", "shown.toml"],
        &expect![[r#"
        ok: 0 customers, 0 sites with 0 subnets, 0 peers
        exit 0
    "#]],
    );
    let loaded = config::load(None, &[]).unwrap();
    assert_eq!(loaded, config::Config::default());
}

#[cfg(unix)]
#[test]
fn a_secret_that_all_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(
        "secret",
        &[("c.toml", "[privacy]\nkey_file = \"a.key\"\n"), ("a.key", "0123456789abcdef0123456789abcdef\n")],
    );
    let told = |mode| {
        fs::set_permissions(folder.0.join("a.key"), fs::Permissions::from_mode(mode)).unwrap();
        String::from_utf8(clearline(&folder.0, &["check", "c.toml"]).stdout).unwrap()
    };
    assert_eq!(
        told(0o644),
        "c.toml:2:12: privacy.key_file: a.key is open to all users of this machine; run: chmod o= a.key\n"
    );
    assert!(told(0o640).starts_with("ok: "));
}

#[test]
fn the_example_configuration_loads_and_finds_its_sites() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("probes/deploy/clearline.example.toml");
    let config = config::load(Some(&file), &[]).unwrap_or_else(|faults| {
        let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
        panic!("{}", lines.join("\n"))
    });
    let sites = Sites::new(config.site_table);
    let end = |ip: &str| Endpoint::new(ip.parse::<std::net::IpAddr>().unwrap().into(), 4000);
    let told = |src: &str, dst: &str, vlan| {
        let views = sites.views(&Flow { src: end(src), dst: end(dst) }, vlan);
        let told: Vec<_> = views
            .iter()
            .map(|v| {
                let (customer, site) = (sites.customer_name(v.customer), sites.site_name(v.site));
                format!(
                    "{customer}/{site} {}{}",
                    v.direction.name(),
                    if v.counted { "" } else { " (elsewhere)" }
                )
            })
            .collect();
        told.join(", ")
    };
    assert_eq!(told("203.0.113.10", "192.168.10.7", 110), "Contoso/Head office in");
    assert_eq!(told("192.168.10.7", "203.0.113.10", 120), "Fabrikam/Head office out");
    assert_eq!(told("192.168.10.7", "203.0.113.10", 0), "");
    assert_eq!(
        told("10.20.3.4", "10.30.3.129", 0),
        "Contoso/Branch Essen, harbour in, Fabrikam/Plant out (elsewhere)"
    );
    let peer = sites.peer(end("198.51.100.9").address).map(|peer| sites.peer_name(peer));
    assert_eq!(peer, Some("Carrier B"));
}
