//! Verify, decide, discharge, record: enforcement as a library.
