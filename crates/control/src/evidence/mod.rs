//! Placing events in the log, checkpoints, exports.
