//! The use cases over real databases. One binary; a file per area, [`support`] for the harness.
//!
//! An area that adds tests adds its `mod` line here.

mod support;

mod harness;
