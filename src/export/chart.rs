//! A stream's intervals as a small chart in text: a column each, three rows.

use super::analysis::{AnalysedStream, IntervalPoint};
use super::terminal::Look;

/// Seconds of an interval.
const INTERVAL_S: i64 = 10;
/// Columns between two marks of time.
const TICK: usize = 6;
/// Room left of the chart for the names of rows.
const LABEL: usize = 14;

/// Loss, lost and discarded, per cent: a step higher from each of these on, the first one for any at all. Not
/// linear: between 0 and 2 % is where calls turn from good to annoying.
const LOSS_STEPS: [f32; 8] = [0.0001, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0];
/// Largest delay variation, ms, in the same manner: buffers hold 20 to 200 ms.
const DELAY_STEPS: [f32; 8] = [1.0, 5.0, 10.0, 20.0, 40.0, 60.0, 100.0, 200.0];
/// MOS-LQE, by half a point from 1.
const MOS_STEPS: [f32; 8] = [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.25];

/// The chart, line by line; pauses longer than a line are left out.
pub(super) fn chart(stream: &AnalysedStream, look: Look) -> Vec<String> {
    let Some(first) = stream.intervals.first() else { return Vec::new() };
    let room = look.width.unwrap_or(120).saturating_sub(LABEL + 20);
    let per_line = (room / TICK * TICK).clamp(TICK, 60);
    let place = |i: &IntervalPoint| {
        usize::try_from((i.start - first.start) / (INTERVAL_S * 1_000_000_000)).unwrap_or(0)
    };
    let mut lines = Vec::new();
    for part in stream.intervals.chunk_by(|a, b| place(a) / per_line == place(b) / per_line) {
        let begin = part.first().map_or(0, |i| place(i) / per_line * per_line);
        let row =
            |name: &str, value: &dyn Fn(&IntervalPoint) -> Option<f32>, steps: &[f32; 8], summary: &str| {
                let mut cells = String::new();
                let mut at = begin;
                for point in part {
                    while at < place(point) {
                        cells.push(' ');
                        at += 1;
                    }
                    cells.push(mark(value(point), steps, look));
                    at += 1;
                }
                format!("{name:<LABEL$}{cells}  {summary}")
            };
        lines.push(format!("{:<LABEL$}{}", "", ticks(begin, part.last().map_or(begin, place))));
        let mos =
            extreme(part, |i| i.mos_lq, f32::min).map_or("unknown".to_owned(), |m| format!("worst {m:.2}"));
        lines.push(row("MOS-LQ", &|i| i.mos_lq, &MOS_STEPS, &mos));
        let loss =
            extreme(part, bad_percent, f32::max).map_or("unknown".to_owned(), |l| format!("worst {l:.2} %"));
        lines.push(row("loss+late", &bad_percent, &LOSS_STEPS, &loss));
        let delay = |i: &IntervalPoint| i.delay_variation_max_ms;
        let worst =
            extreme(part, delay, f32::max).map_or("unknown".to_owned(), |d| format!("worst {d:.1} ms"));
        lines.push(row("delay var.", &delay, &DELAY_STEPS, &worst));
    }
    lines
}

/// Lost and discarded, per cent of the expected.
fn bad_percent(i: &IntervalPoint) -> Option<f32> {
    let expected = i.expected();
    (expected > 0).then(|| 100.0 * (i.lost + i.discarded) as f32 / expected as f32)
}

fn extreme(
    part: &[IntervalPoint],
    value: impl Fn(&IntervalPoint) -> Option<f32>,
    of: fn(f32, f32) -> f32,
) -> Option<f32> {
    part.iter().filter_map(value).reduce(of)
}

/// Times since the first packet, over every sixth column: a minute.
fn ticks(begin: usize, end: usize) -> String {
    let mut text = String::new();
    let mut at = begin;
    while at <= end {
        let label = format!("{}m", at / TICK);
        text += &format!("{label:<TICK$}");
        at += TICK;
    }
    text.trim_end().to_owned()
}

/// One column: the height of `value` among `steps`; a dot below all of them; a question mark where it is
/// not known. In ASCII, heights are digits.
fn mark(value: Option<f32>, steps: &[f32; 8], look: Look) -> char {
    const BLOCKS: [char; 9] = ['·', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const DIGITS: [char; 9] = ['.', '1', '2', '3', '4', '5', '6', '7', '8'];
    let Some(value) = value else { return '?' };
    let height = steps.iter().filter(|step| value >= **step).count();
    let marks = if look.unicode { BLOCKS } else { DIGITS };
    marks.get(height).copied().unwrap_or('?')
}

/// What the heights stand for.
pub(super) fn key(look: Look) -> String {
    let (low, high) = if look.unicode { ("▁", "█") } else { ("1", "8") };
    let none = look.either("·", ".");
    format!(
        "{none} none, {low} to {high}: MOS-LQ 1 to above 4.25, loss and late above 0 to 50 %, delay variation 1 to 200 ms; ? unknown"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const UTF8: Look = Look { width: Some(80), colour: false, unicode: true };
    const ASCII: Look = Look { unicode: false, ..UTF8 };

    #[test]
    fn heights_tell_none_little_and_much_apart_and_unknown_from_all_of_them() {
        let heights =
            |look| [None, Some(0.0), Some(0.01), Some(3.0), Some(80.0)].map(|v| mark(v, &LOSS_STEPS, look));
        assert_eq!(heights(UTF8), ['?', '·', '▁', '▄', '█']);
        assert_eq!(heights(ASCII), ['?', '.', '1', '4', '8']);
    }

    #[test]
    fn a_perfect_mos_is_the_full_height_and_the_worst_the_least() {
        assert_eq!([1.0, 3.6, 4.41].map(|m| mark(Some(m), &MOS_STEPS, UTF8)), ['▁', '▆', '█']);
    }

    #[test]
    fn there_is_a_mark_each_minute() {
        assert_eq!(ticks(0, 12), "0m    1m    2m");
        assert_eq!(ticks(60, 61), "10m");
    }
}
