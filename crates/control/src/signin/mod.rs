//! People sign in at their own identity provider; sessions.
