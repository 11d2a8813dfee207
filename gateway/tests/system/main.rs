//! A whole gateway in this process, between a fake control plane that serves a real repository and a fake MCP server.

mod control;
mod following;
mod governing;
mod proxying;
mod upstream;
mod world;
