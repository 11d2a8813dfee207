//! Altering metadata and signing it again with whatever key is at hand.

use bundle::canonical::canonical;
use bundle::{Files, Key, Signer as _, sha256_hex};
use serde_json::{Value, json};

use crate::support::{World, path};

/// Alters what is signed in a file and signs it again.
pub fn forge(server: &mut Files, path: &str, key: &Key, alter: impl FnOnce(&mut Value)) {
    let mut file: Value = serde_json::from_slice(&server[path]).expect("JSON");
    alter(&mut file["signed"]);
    let signature = key.sign(&canonical(&file["signed"]).expect("integers")).expect("signs");
    file["signatures"] = json!([{"keyid": key.public().id(), "sig": hex::encode(signature)}]);
    server.insert(path.to_owned(), serde_json::to_vec(&file).expect("JSON"));
}

/// Makes `from` refer to what `to` holds now.
pub fn refer(server: &mut Files, from: &str, name: &str, to: &str, key: &Key) {
    let bytes = server[to].clone();
    forge(server, from, key, |signed| {
        signed["meta"][name]["length"] = json!(bytes.len());
        signed["meta"][name]["hashes"]["sha256"] = json!(sha256_hex(&bytes));
    });
}

/// Alters a role's file and makes snapshot and timestamp agree with it.
pub fn forge_all(world: &World, role: &str, key: &Key, alter: impl FnOnce(&mut Value)) -> Files {
    let mut server = world.server.clone();
    let name = format!("{role}.json");
    let file = path(&server, &name);
    let snapshot = path(&server, "snapshot.json");
    forge(&mut server, &file, key, alter);
    if role == "timestamp" {
        return server;
    }
    if role != "snapshot" {
        refer(&mut server, &snapshot, &name, &file, &world.keys.snapshot);
    }
    refer(&mut server, "metadata/timestamp.json", "snapshot.json", &snapshot, &world.keys.timestamp);
    server
}
