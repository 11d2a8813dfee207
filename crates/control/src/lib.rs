//! The use cases: authorize, validate, apply and audit in one transaction.
