//! The OAuth 2.1 issuer: authorize, consent, code, refresh, token exchange.
