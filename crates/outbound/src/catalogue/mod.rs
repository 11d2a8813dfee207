//! MCP catalogues.
