//! Repository and client against each other.

mod attacks;
mod carried;
mod ceremony;
mod documents;
mod forge;
mod forged;
mod rings;
mod substitution;
mod support;
