//! The gateway as a witness of the audit log: it cosigns what extends what it saw, and nothing else, also after a restart.

use crate::world::World;
use evidence::{Checkpoint, CosignerKey, Hash, Levels, Signer};
use serde_json::{Value, json};

/// An audit log of so many entries; `salt` tells one history from another.
pub struct Log {
    pub size: u64,
    pub salt: u8,
}

fn signer() -> Signer {
    Signer::from_seed("writ/acme", &[3; 32]).expect("a key")
}

impl Log {
    fn levels(&self) -> Levels {
        let leaf = |at: u64| Hash([at.to_be_bytes(), [self.salt; 8], [0; 8], [1; 8]].concat().try_into().expect("32 bytes"));
        Levels::new((0..self.size).map(leaf).collect())
    }

    fn checkpoint(&self) -> Checkpoint {
        Checkpoint { origin: "writ/acme".into(), size: self.size, root: self.levels().root(self.size).expect("in range") }
    }

    /// What is shown to a witness that saw `witnessed` entries.
    pub fn shown(&self, witnessed: u64) -> Value {
        let proof = self.levels().consistency(witnessed, self.size).unwrap_or_default();
        json!({ "checkpoint": self.checkpoint().sign(&signer()), "proof": proof })
    }
}

fn show(world: &World, size: u64, salt: u8) {
    *world.control.log.lock().expect("lock") = Some(Log { size, salt });
}

/// The cosignature in the acknowledgement is a good one over the log of this size.
fn is_good(ack: &Value, size: u64) -> bool {
    let told = &ack["witnessed"];
    let (Some(line), Some(key)) = (told["cosignature"].as_str(), told["key"].as_str()) else { return false };
    let key = CosignerKey::parse(key).expect("a key");
    let text = Log { size, salt: 0 }.checkpoint().text();
    told["size"] == size && key.name().starts_with("writ/acme/") && key.verify(&text, line).is_ok()
}

#[tokio::test]
async fn what_extends_is_cosigned_and_a_fork_is_told() {
    let mut world = World::started(|world| world.policy.audit_log = signer().verifier().to_string()).await;
    show(&world, 5, 0);
    world.acked_at_last("five entries", |ack| is_good(ack, 5)).await;
    show(&world, 300, 0);
    world.acked_at_last("three hundred", |ack| is_good(ack, 300)).await;

    // A restart forgets nothing of it; a log that shrank or was rewritten finds no witness any more, and the refusal is told.
    world.stop_gateway().await;
    for (size, salt, code) in [(40, 0, "audit_log_shrunk"), (301, 1, "audit_log_forked")] {
        show(&world, size, salt);
        world.start_gateway(false).await;
        let ack = world.acked_at_last(code, |ack| ack["error"]["code"] == code).await;
        assert_eq!((&ack["witnessed"]["size"], &ack["policy_version"]), (&300.into(), &1.into()));
        assert_eq!(world.get("/healthz").await.body["not_witnessed"]["code"], code);
        world.stop_gateway().await;
    }
    // What goes on where it was is witnessed again.
    show(&world, 310, 0);
    world.start_gateway(false).await;
    world.acked_at_last("it goes on", |ack| is_good(ack, 310) && ack["error"].is_null()).await;
}
