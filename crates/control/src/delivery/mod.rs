//! Publishing, the TUF repository, gateways and what they acknowledge.
