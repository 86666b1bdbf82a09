//! `clearline`: argv → run → exit status. The only printing outside reports is here.
fn main() {}
