//! Minting and verifying RFC 9068 access tokens, pure.
