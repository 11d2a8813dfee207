//! The whole system from outside: a person's browser without JavaScript, a real MCP client, an agent, and the story they play.
//!
//! Nothing here knows a database or a type of the control plane. What a person would read on a page is read on the page, what a
//! program would send is sent: so a page or an endpoint that breaks its contract is found here.

pub mod agent;
pub mod ask;
pub mod browser;
pub mod clock;
pub mod console;
pub mod mcp;
pub mod oauth;
pub mod places;
pub mod supervisor;
pub mod terminal;
pub mod wait;
pub mod walk;
