//! A configuration as a file that explains itself: every key, what it means, and its value.

use super::Config;
use super::keys::{CONFIG, CUSTOMER, Key, PEER, SITE, Takes};

/// Columns of a line.
const WIDTH: usize = 100;

const HEAD: &str = "\
# Clearline: every key, what it means, and its value. A key that is left out has its default. An unknown
# key is an error; `clearline config check FILE` names every fault with its place.
";

pub(super) fn show(config: &Config) -> String {
    let mut out = String::from(HEAD);
    let mut blank = Config::default();
    let mut config = config.clone();
    let mut table = "";
    for key in &CONFIG {
        let (of, name) = key.path.split_once('.').unwrap_or(("", key.path));
        if of != table {
            out.push_str(&format!("\n[{of}]"));
            table = of;
        }
        let value = (key.field)(&mut config).toml();
        let field = (key.field)(&mut blank);
        comment(&mut out, key, &field.wanted(&key.range), &field.toml(), &value);
        out.push_str(&format!("{name} = {value}\n"));
    }
    list(&mut out, "customer", "Who the sites belong to.", &CUSTOMER, &config.customers);
    list(
        &mut out,
        "site",
        "A place with phones. It is found by VLAN and subnet, then by the longest subnet, \
        then by VLAN alone, then by domain.",
        &SITE,
        &config.sites,
    );
    list(&mut out, "peer", "A trunk or registrar, known by its addresses.", &PEER, &config.peers);
    out
}

/// What a list's tables hold; commented out where the list is empty.
fn list<T: Clone + Default>(out: &mut String, name: &str, what: &str, keys: &[Key<T>], rows: &[T]) {
    out.push('\n');
    wrapped(out, &format!("[[{name}]], once for each. {what}"));
    let mut example = T::default();
    super::reading::set_defaults(keys, &mut example);
    if rows.is_empty() {
        out.push_str(&format!("#\n#[[{name}]]\n"));
        for key in keys {
            let field = (key.field)(&mut example);
            let default = field.toml();
            comment(out, key, &field.wanted(&key.range), &default, &default);
            let value = if key.required { key.default.to_owned() } else { default };
            out.push_str(&format!("#{} = {value}\n", key.path));
        }
    }
    for row in rows {
        out.push_str(&format!("\n[[{name}]]\n"));
        let mut row = row.clone();
        for key in keys {
            out.push_str(&format!("{} = {}\n", key.path, (key.field)(&mut row).toml()));
        }
    }
}

/// What a key means; below it what it takes, and when a change takes effect.
fn comment<T>(out: &mut String, key: &Key<T>, wanted: &str, default: &str, value: &str) {
    out.push('\n');
    wrapped(out, key.meaning);
    let mut takes = format!("Takes {wanted}");
    if key.required {
        takes.push_str("; must be given");
    } else if default != value {
        takes.push_str(&format!("; default {default}"));
    }
    takes.push_str(match key.takes {
        Takes::Reload => "; changed by a reload",
        Takes::Restart => "; changed by a restart",
    });
    takes.push_str(if key.later { "; not in use yet, only checked." } else { "." });
    wrapped(out, &takes);
}

fn wrapped(out: &mut String, text: &str) {
    let mut column = 0;
    for word in text.split_whitespace() {
        if column == 0 || column + 1 + word.len() > WIDTH {
            out.push_str(if column == 0 { "#" } else { "\n#" });
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += 1 + word.chars().count();
    }
    out.push('\n');
}
