//! The writ binary: command line, composition root and the route table.
fn main() {}
