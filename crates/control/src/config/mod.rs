//! Configuration: roles, scopes, groups, servers, tools, clients, agents, the IdP connection.
