use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::super::Compression;
use super::super::samples::{Owned, capture_at, gzip, pcapng_at, zstd};
use super::*;

/// A directory that goes away with the test.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("probes-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Input {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a new file");
        Input::Path(path)
    }

    fn input(&self) -> Input {
        Input::Path(self.0.clone())
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const SMALL: Limits = Limits { chunk: 64, peek: 30, awake: 2 };

fn rest(timeline: &mut Timeline) -> Vec<Owned> {
    let mut frames = Vec::new();
    loop {
        let mut out = [Frame::default(); 5];
        let count = timeline.fill(&mut out);
        if count == 0 {
            return frames;
        }
        frames.extend(out.iter().take(count).map(Owned::from));
        let awake = timeline.files.iter().filter(|file| file.could_sleep()).count();
        assert!(awake <= timeline.limits.awake);
    }
}

/// Time and interface of every frame; without damage.
fn read(inputs: &[Input], limits: Limits) -> Vec<(i64, u16)> {
    let mut timeline = Timeline::open(inputs, limits).expect("captures");
    let awake = timeline.files.iter().filter(|file| file.could_sleep()).count();
    assert!(awake == 0 || inputs.len() == 1, "all sleep until they are due");
    let frames = rest(&mut timeline);
    assert!(
        frames.iter().all(|frame| frame.data == frame.nanos.to_be_bytes()),
        "the data of that very frame"
    );
    let frames = frames.iter().map(|frame| (frame.nanos, frame.interface)).collect();
    assert!(timeline.files().all(|file| file.damaged.is_none()));
    frames
}

#[test]
fn files_are_merged_by_the_time_of_their_next_frame() {
    let directory = Directory::new();
    let inputs = [
        directory.write("late", &capture_at(&[50, 60])),
        directory.write("early", &gzip(&capture_at(&[10, 20, 55, 55, 70]))),
        directory.write("empty", &capture_at(&[])),
        directory.write("equal", &zstd(&capture_at(&[20, 55]))),
    ];
    let expected = [(10, 1), (20, 1), (20, 3), (50, 0), (55, 1), (55, 1), (55, 3), (60, 0), (70, 1)];
    assert_eq!(read(&inputs, SMALL), expected);
    assert_eq!(read(&inputs, Limits::DEFAULT), expected);
}

#[test]
fn equal_times_come_in_the_order_given() {
    let directory = Directory::new();
    let inputs = [directory.write("z", &capture_at(&[5, 5])), directory.write("a", &capture_at(&[5, 5]))];
    assert_eq!(read(&inputs, SMALL), [(5, 0), (5, 0), (5, 1), (5, 1)]);
}

#[test]
fn a_clock_that_goes_back_keeps_the_order_of_its_file() {
    let directory = Directory::new();
    let inputs = [
        directory.write("back", &capture_at(&[10, 30, 5, 40])),
        directory.write("other", &capture_at(&[20, 35])),
    ];
    assert_eq!(read(&inputs, SMALL), [(10, 0), (20, 1), (30, 0), (5, 0), (35, 1), (40, 0)]);
}

#[test]
fn a_directory_means_its_captures_by_name() {
    let directory = Directory::new();
    directory.write("b.pcap", &capture_at(&[1]));
    directory.write("a.pcap.gz", &gzip(&capture_at(&[1])));
    directory.write("notes.txt", b"read me");
    fs::create_dir(directory.0.join("c")).expect("a new directory");
    let timeline = open(&[directory.input()]).expect("captures");
    let names: Vec<_> = timeline.files().filter_map(|file| file.path.file_name()).collect();
    assert_eq!(names, ["a.pcap.gz", "b.pcap"]);
    assert_eq!(timeline.files().next().map(|file| file.compression), Some(Compression::Gzip));
    assert!(timeline.refused().is_empty());
    let [OpenError::NotACapture { path, .. }] = timeline.passed_over() else { panic!("one is none") };
    assert!(path.ends_with("notes.txt"));
}

#[test]
fn what_cannot_be_read_is_named() {
    let directory = Directory::new();
    let missing = Input::Path(directory.0.join("missing"));
    let text = directory.write("text", b"text");
    let good = directory.write("good", &capture_at(&[1]));

    let error = open(std::slice::from_ref(&missing)).expect_err("missing");
    assert!(matches!(error, OpenError::Io { .. }), "one input: its own error");
    let error = open(&[missing.clone(), text.clone()]).expect_err("neither");
    let lines = error.to_string();
    assert!(lines.starts_with("none of 2 inputs can be read: \n  "), "{lines}");
    assert_eq!(lines.lines().count(), 3);
    let error = open(&[]).expect_err("nothing");
    assert!(matches!(error, OpenError::Nothing(errors) if errors.is_empty()));

    let timeline = open(&[missing, good, text]).expect("one of three");
    assert_eq!((timeline.files().len(), timeline.refused().len()), (1, 2));

    let nothing = Directory::new();
    let error = open(&[nothing.input()]).expect_err("an empty directory");
    assert!(matches!(error, OpenError::NoCaptures { .. }));
}

#[test]
fn damage_in_one_file_does_not_end_the_others() {
    let directory = Directory::new();
    let whole = capture_at(&[10, 20, 30]);
    let inputs = [
        directory.write("cut", whole.get(..60).expect("a prefix")),
        directory.write("whole", &capture_at(&[15, 25])),
    ];
    let mut timeline = Timeline::open(&inputs, SMALL).expect("captures");
    assert_eq!(rest(&mut timeline).len(), 3);
    let damage: Vec<_> =
        timeline.files().map(|file| file.damaged.as_ref().map(|damage| damage.offset)).collect();
    assert_eq!(damage, [Some(48), None]);
}

#[test]
fn a_file_that_is_gone_or_cut_when_its_turn_comes_is_damaged() {
    let directory = Directory::new();
    let inputs = ["a", "b", "c"].map(|name| directory.write(name, &capture_at(&[1])));
    let mut timeline = open(&inputs).expect("captures");
    fs::remove_file(directory.0.join("b")).expect("the file was written");
    directory.write("c", &capture_at(&[]));
    assert_eq!(rest(&mut timeline).len(), 1);
    let damage: Vec<_> = timeline.files().filter_map(|file| file.damaged.clone()).collect();
    let [gone, cut] = damage.as_slice() else { panic!("two are damaged: {damage:?}") };
    assert_eq!(gone.offset, 24);
    assert!(gone.reason.starts_with("cannot be opened again: "), "{gone}");
    assert_eq!(cut.reason, "cannot be opened again: the file is shorter than it was");
}

#[test]
fn a_timeline_can_move_to_another_thread() {
    fn check<T: Send>() {}
    check::<Timeline>();
}

#[test]
fn a_dash_is_standard_input() {
    assert_eq!(Input::from(PathBuf::from("-")), Input::Stdin);
    assert_eq!(Input::from(PathBuf::from("./-")), Input::Path(Path::new("./-").to_owned()));
}

/// The obvious way: of all files, the one whose next frame is earliest.
fn merged(files: &[Vec<i64>]) -> Vec<i64> {
    let mut rest: Vec<&[i64]> = files.iter().map(Vec::as_slice).collect();
    let mut merged = Vec::new();
    while let Some((first, file)) =
        rest.iter_mut().filter_map(|file| Some((*file.first()?, file))).min_by_key(|(first, _)| *first)
    {
        merged.push(first);
        *file = file.get(1..).unwrap_or_default();
    }
    merged
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merging_is_taking_the_earliest_head(
        files in proptest::collection::vec(proptest::collection::vec(0_i64..50, 0..20), 1..8),
        chunk in 1_usize..200,
        awake in 1_usize..5,
    ) {
        let directory = Directory::new();
        let inputs: Vec<_> = (0_u32..).zip(&files).map(|(number, times)| {
            let bytes = match number % 3 {
                0 => capture_at(times),
                1 => gzip(&capture_at(times)),
                _ => pcapng_at(times),
            };
            directory.write(&number.to_string(), &bytes)
        }).collect();
        let read = read(&inputs, Limits { chunk, peek: 16, awake });
        let times: Vec<_> = read.iter().map(|(nanos, _)| *nanos).collect();
        prop_assert_eq!(times, merged(&files));
    }
}
