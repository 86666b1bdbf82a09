//! The sites file: `customer,site,subnet`, a row a subnet, as a spreadsheet writes it.

use super::document::Value;
use super::fault::{Faults, Place, Source, Wrong, quoted};
use super::field::{Bad, Range, Scalar};
use super::words::{Name, Subnet};

/// The columns, in the first line.
const HEADER: [&str; 3] = ["customer", "site", "subnet"];

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub customer: String,
    pub customer_at: Place,
    pub site: String,
    pub subnet: Subnet,
    pub subnet_at: Place,
}

/// Reads all rows; a faulty one is left out.
pub(super) fn read(text: &str, faults: &mut Faults) -> Vec<Row> {
    // Spreadsheets put a byte order mark first.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lines = text.lines().zip(1_u32..);
    if !lines.next().is_some_and(|(line, _)| is_header(line, faults)) {
        return Vec::new();
    }
    // Blank lines part a long list.
    lines
        .filter(|(line, _)| !line.trim().is_empty())
        .filter_map(|(line, row)| read_row(line, row, faults))
        .collect()
}

fn is_header(line: &str, faults: &mut Faults) -> bool {
    let cells: Vec<_> = cells(line).map(|(_, cell)| cell.unwrap_or_default().trim().to_lowercase()).collect();
    if cells == HEADER {
        return true;
    }
    let mend = if line.contains(';') {
        "columns are parted by commas here: save it with commas, first line customer,site,subnet"
    } else {
        "make the first line customer,site,subnet"
    };
    let what = format!("the first line is {}", quoted(line));
    faults.add("", Wrong::new(at(1, 1), what, mend));
    false
}

fn read_row(line: &str, row: u32, faults: &mut Faults) -> Option<Row> {
    let cells: Vec<_> = cells(line).collect();
    if let Some((column, _)) = cells.iter().find(|(_, cell)| cell.is_none()) {
        let wrong = Wrong::new(at(row, *column), "a quote is not closed", "close it; a quote inside is \"\"");
        faults.add("", wrong);
        return None;
    }
    let [(c, customer), (s, site), (n, subnet)] = cells.as_slice() else {
        let what = format!("has {} columns", cells.len());
        faults.add("", Wrong::new(at(row, 1), what, "write three: customer,site,subnet"));
        return None;
    };
    let cell = |cell: &Option<String>| cell.as_deref().unwrap_or_default().trim().to_owned();
    let (customer, site, subnet) = (cell(customer), cell(site), cell(subnet));
    let mut named = |key: &str, column: u32, name: String| match Name::read(&Value::Text(name), &Range::ALL) {
        Ok(name) => Some(name.to_string()),
        Err(bad) => {
            told(key, bad, at(row, column), faults);
            None
        }
    };
    let (customer, site) = (named("customer", *c, customer), named("site", *s, site));
    match Subnet::parse(&subnet) {
        Ok(subnet) => Some(Row {
            customer: customer?,
            customer_at: at(row, *c),
            site: site?,
            subnet,
            subnet_at: at(row, *n),
        }),
        Err(bad) => {
            told("subnet", bad, at(row, *n), faults);
            None
        }
    }
}

fn told(key: &str, bad: Bad, place: Place, faults: &mut Faults) {
    if let Bad::Value(what, mend) = bad {
        faults.add(key, Wrong::new(place, what, mend));
    }
}

const fn at(line: u32, column: u32) -> Place {
    Place { source: Source::Sites, line, column }
}

/// The cells of a line, each with its column; `None` where a quote is not closed (RFC 4180 §2, but that no
/// cell goes on in the next line: no name may).
fn cells(line: &str) -> impl Iterator<Item = (u32, Option<String>)> {
    let mut chars = (1_u32..).zip(line.chars()).peekable();
    let mut next = Some(1);
    std::iter::from_fn(move || {
        let begin = next?;
        let (mut cell, mut in_quotes, mut first) = (String::new(), false, true);
        next = None;
        while let Some((column, c)) = chars.next() {
            match c {
                '"' if first => in_quotes = true,
                '"' if in_quotes && chars.next_if(|(_, c)| *c == '"').is_some() => cell.push('"'),
                '"' if in_quotes => in_quotes = false,
                ',' if !in_quotes => {
                    next = Some(column + 1);
                    break;
                }
                c => cell.push(c),
            }
            first = false;
        }
        Some((begin, (!in_quotes).then_some(cell)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_quotes_and_columns() {
        let cells: Vec<_> = cells(r#"a,"b, ""c""",,"d"#).collect();
        let text = |t: &str| Some(t.to_owned());
        assert_eq!(cells, [(1, text("a")), (3, text(r#"b, "c""#)), (14, text("")), (15, None)]);
    }

    #[test]
    fn what_a_spreadsheet_writes_is_read() {
        let mut faults = Faults::new();
        let rows =
            read("\u{feff}Customer,Site,Subnet\r\nAcme,\"Shop, north\",10.0.0.0/24\r\n\r\n", &mut faults);
        assert_eq!(faults.len(), 0);
        assert_eq!(rows.iter().map(|r| r.site.as_str()).collect::<Vec<_>>(), ["Shop, north"]);
    }
}
