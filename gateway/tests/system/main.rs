//! A whole gateway in this process, between a fake control plane that serves a real repository and a fake MCP server.

mod abuse;
mod classes;
mod configured;
mod control;
mod drift;
mod following;
mod governing;
mod operating;
mod proxying;
mod revisions;
mod slow;
mod unconnected;
mod upstream;
mod witnessing;
mod world;
