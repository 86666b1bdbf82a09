//! Processes that end with their test, and folders of their own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of tests fails the test")]
#![expect(clippy::disallowed_methods, reason = "real servers take real time")]

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Longer than any server takes to start, also on a busy machine: a fault ends the test instead of hanging it.
pub const PATIENCE: Duration = Duration::from_secs(40);
const GLANCE: Duration = Duration::from_millis(20);

/// A folder of its own, empty at first; it stays for whoever looks into a failure.
pub fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("system").join(name);
    if path.exists() {
        fs::remove_dir_all(&path).unwrap();
    }
    fs::create_dir_all(&path).unwrap();
    path
}

/// Asks again and again until there is an answer.
pub fn wait_for<T>(what: &str, time: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + time;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {time:?} in vain for {what}");
        sleep(GLANCE);
    }
}

pub fn now() -> Instant {
    Instant::now()
}

/// The program under test, in `folder`.
pub fn clearline(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clearline"));
    command.args(arguments).current_dir(folder).env_remove("CLEARLINE_PRIVACY_KEY");
    command
}

/// Runs a command to its end; its output must say that all went well.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{told}", output.status);
    told
}

pub fn run(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| missing(command, &error))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn missing(command: &Command, error: &std::io::Error) -> ! {
    panic!(
        "{}: {error}; on Debian: apt-get install prometheus prometheus-alertmanager sip-tester",
        command.get_program().display()
    )
}

/// A process; killed and waited for when it goes out of scope.
pub struct Running {
    child: Child,
    log: PathBuf,
}

impl Running {
    /// Starts it; what it says on both streams goes to a file of the folder.
    pub fn start(name: &str, folder: &Path, command: &mut Command) -> Self {
        let log = folder.join(format!("{name}.log"));
        let out = File::create(&log).unwrap();
        command.stdin(Stdio::null()).stdout(out.try_clone().unwrap()).stderr(out);
        let child = command.spawn().unwrap_or_else(|error| missing(command, &error));
        Self { child, log }
    }

    /// Starts the program under test, and waits for its address.
    pub fn probe(folder: &Path, arguments: &[&str]) -> (Self, SocketAddr) {
        let mut all = vec!["probe", "--web.listen-address", "127.0.0.1:0"];
        all.extend(arguments);
        let mut probe = Self::start("clearline", folder, &mut clearline(folder, &all));
        let address = probe.address_after("serving HTTP address=");
        (probe, address)
    }

    pub fn said(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// The address that it logs after `mark`.
    pub fn address_after(&mut self, mark: &str) -> SocketAddr {
        wait_for(mark, PATIENCE, || {
            let said = self.said();
            let address = said.split(mark).nth(1).and_then(|rest| {
                let (address, _) = rest.split_once(char::is_whitespace)?;
                address.parse().ok()
            });
            if address.is_none() {
                let ended = self.child.try_wait().unwrap();
                assert!(ended.is_none(), "ended early: {ended:?}\n{said}");
            }
            address
        })
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        succeed(Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &id]));
    }

    /// Waits for its end.
    pub fn end(&mut self, time: Duration) -> ExitStatus {
        wait_for("the end of a process", time, || self.child.try_wait().unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
