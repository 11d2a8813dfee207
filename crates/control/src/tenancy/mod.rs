//! Tenants, their keys and admin roles, from the host's shell.
