//! Access tokens: RFC 9068 `at+jwt`, ES256, one audience. The token carries facts, the policy carries rules.
//!
//! Pure: keys, claims and the time come from the caller. Verification pins the algorithm to the key, demands the `typ`, refuses a
//! token whose numbers are not numbers, and never looks at keys that the token itself brings.

mod assertion;
mod claims;
mod key;
mod verify;

pub use assertion::{Assertion, AssertionClaims, AssertionError};
pub use claims::{ActClaim, Claims, DEEPEST_CHAIN};
pub use key::{KeyError, PublicJwk, SigningKey};
pub use verify::{CLOCK_SKEW, Refused, VerifyingKeys};
