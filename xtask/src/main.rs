//! Build, run and test tasks for contributors.
fn main() {}
