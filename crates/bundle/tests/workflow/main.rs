//! Repository and client against each other.

mod attacks;
mod forged;
mod substitution;
mod support;
