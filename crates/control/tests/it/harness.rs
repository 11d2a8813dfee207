//! The harness itself does what tests rely on.

use crate::support::*;

on_each_database! {
    async fn a_tenant_and_a_clock_that_moves(h: Harness) {
        let before = h.host().await.now_ms;
        assert_eq!(before, START_MS);
        h.advance_s(5);
        assert_eq!(h.host().await.now_ms, before + 5000);
        assert_eq!(h.actions().await, ["tenant.create"]);
        h.tenant("beta").await;
        assert_eq!(h.control.tenants().await.expect("tenants").len(), 2);
        let again = h.another(2).await;
        assert_eq!(again.tenants().await.expect("tenants").len(), 2);
    }
}
