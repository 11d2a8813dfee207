//! The writ-gateway binary: the reference enforcement point, an MCP reverse proxy.
fn main() {}
