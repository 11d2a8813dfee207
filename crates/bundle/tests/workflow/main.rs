//! Repository and client against each other.

mod attacks;
mod ceremony;
mod forged;
mod rings;
mod substitution;
mod support;
