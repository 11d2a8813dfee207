//! What may be called by whom: the policy set and the one decision function, pure.
