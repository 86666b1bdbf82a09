//! Logging: to standard error, as text or JSON, and never a flood.

use std::collections::HashMap;
use std::io::{IsTerminal, stderr};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Filter, SubscriberExt};
use tracing_subscriber::{Layer, Registry, fmt};

/// Lines of one place in the code in one [`WINDOW`]; what is beyond is left out.
const LINES: u32 = 20;
/// See [`LINES`].
const WINDOW: Duration = Duration::from_secs(60);

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging; called once. `level`: error, warn, info, debug or trace.
///
/// # Errors
/// `level` is none of those.
pub fn start(level: &str, format: LogFormat) -> Result<(), String> {
    let level = LevelFilter::from_str(level)
        .map_err(|_| format!("--log.level {level}: take one of error, warn, info, debug, trace"))?;
    let lines = fmt::layer().with_writer(stderr).with_target(false);
    let filter = Moderate { level, seen: Mutex::default() };
    let layer: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Text => lines.with_ansi(stderr().is_terminal()).with_filter(filter).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_filter(filter).boxed(),
    };
    // A second start, in tests, changes nothing.
    let _started = tracing::subscriber::set_global_default(Registry::default().with(layer));
    Ok(())
}

/// Lets lines of a level through, and of each place in the code only so many a minute: hostile traffic must
/// not fill a disk by way of the log.
struct Moderate {
    level: LevelFilter,
    seen: Mutex<HashMap<Identifier, (Instant, u32)>>,
}

impl<S: Subscriber> Filter<S> for Moderate {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        *metadata.level() <= self.level && (!metadata.is_event() || self.may_pass(metadata.callsite()))
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }
}

impl Moderate {
    #[expect(clippy::disallowed_methods, reason = "the rim: log lines are moderated by the machine's clock")]
    fn may_pass(&self, place: Identifier) -> bool {
        let now = Instant::now();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, lines) = seen.entry(place).or_insert((now, 0));
        if now.duration_since(*since) >= WINDOW {
            (*since, *lines) = (now, 0);
        }
        *lines += 1;
        *lines <= LINES
    }
}

#[cfg(test)]
mod tests {
    use tracing::callsite::DefaultCallsite;

    use super::*;

    #[test]
    fn one_place_cannot_flood_the_log() {
        let moderate = Moderate { level: LevelFilter::INFO, seen: Mutex::default() };
        static META: Metadata<'static> = tracing::metadata! {
            name: "test", target: "test", level: tracing::Level::INFO, fields: &[],
            callsite: &PLACE, kind: tracing::metadata::Kind::EVENT
        };
        static PLACE: DefaultCallsite = DefaultCallsite::new(&META);
        let passed = (0..1000).filter(|_| moderate.may_pass(META.callsite())).count();
        assert_eq!(passed, LINES as usize);
    }
}
