//! What standard output can show.

use std::env;
use std::io::{self, IsTerminal};

use anstream::{AutoStream, ColorChoice};

use crate::export::terminal::Look;

/// Less than this is no terminal to read a table on.
const LEAST_WIDTH: usize = 60;

/// How results on standard output are to look: `COLUMNS`, the terminal's size, `NO_COLOR`,
/// `CLICOLOR_FORCE` and the locale decide.
pub(super) fn look() -> Look {
    let stdout = io::stdout();
    let asked = env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok()).filter(|n| *n > 0);
    let of_terminal = || {
        let (width, _) = terminal_size::terminal_size_of(&stdout).filter(|_| stdout.is_terminal())?;
        Some(usize::from(width.0)).filter(|n| *n > 0)
    };
    Look {
        width: asked.or_else(of_terminal).map(|width| width.max(LEAST_WIDTH)),
        colour: AutoStream::choice(&stdout) != ColorChoice::Never,
        unicode: is_utf8(|name| env::var(name).ok()),
    }
}

/// Whether the locale is one of UTF-8: the first variable that is set decides, as POSIX has it
/// ([XBD §8.2](https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/V1_chap08.html#tag_08_02)).
fn is_utf8(value_of: impl Fn(&str) -> Option<String>) -> bool {
    let locale =
        ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(value_of).find(|value| !value.is_empty());
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let with = |set: &'static [(&str, &str)]| {
            is_utf8(|name| set.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned()))
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!with(&[]));
    }
}
