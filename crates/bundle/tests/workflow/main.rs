//! Repository and client against each other.

mod attacks;
mod substitution;
mod support;
