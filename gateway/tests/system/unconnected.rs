//! Without a control plane: the files alone, in a directory or on a web server.

use crate::control::NOW;
use crate::world::World;
use axum::Router;
use gateway::config::Repository;
use http::StatusCode;
use policy::Target;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Writes the files as an export does: the timestamp last, and whole or not at all.
fn export(world: &World, directory: &Path) {
    let files = world.control.files();
    let (last, first): (Vec<_>, Vec<_>) = files.iter().partition(|(path, _)| path.ends_with("timestamp.json"));
    for (path, bytes) in first.into_iter().chain(last) {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("made");
        let beside = path.with_extension("new");
        std::fs::write(&beside, bytes).expect("written");
        std::fs::rename(&beside, &path).expect("put in place");
    }
}

async fn follows(at: String, directory: &Path) {
    let mut world = World::without_gateway().await;
    let every = Duration::from_secs(1);
    world.settings.repository = Some(Repository { at, tenant: "acme".into(), root_sha256: world.control.root_sha256(), every });
    world.cut_off();
    world.start_gateway(false).await;
    // Nothing was exported yet: closed.
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "gateway_closed");

    world.control.publish(world.policy.clone());
    export(&world, directory);
    world.healthy("the first policy", |health| health["policy_version"] == 1 && health["status"] == "ok").await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.status, StatusCode::OK);

    let seq = world.control.revoke(Target::User("usr_sam".into()));
    export(&world, directory);
    world.healthy("the revocation", |health| health["revocation_seq"] == seq).await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "user_blocked");

    // Altered on the way: refused, and said so; what was in force stays.
    let list = directory.join("metadata/timestamp.json");
    let text = std::fs::read_to_string(&list).expect("there").replace("\"acme\"", "\"evil\"");
    std::fs::write(&list, text).expect("written");
    world.healthy("the refusal", |health| health["error"]["code"] == "bad_signature").await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "user_blocked");
    export(&world, directory);
    world.healthy("that it is mended", |health| health["error"].is_null()).await;

    // The files are gone, and it starts again: what was kept is in force, and ages.
    world.stop_gateway().await;
    std::fs::remove_dir_all(directory.join("metadata")).expect("removed");
    world.now.store(NOW + 600, Ordering::Relaxed);
    world.start_gateway(false).await;
    let health = world.healthy("the kept state", |health| health["policy_version"] == 1).await;
    assert_eq!((&health["status"], &health["revocation_seq"]), (&"stale".into(), &seq.into()));
    // Decisions stay on disk, for whoever collects them.
    world.stop_gateway().await;
    let decisions = std::fs::read_dir(world.dir.path().join("decisions")).expect("there");
    let written: String = decisions
        .filter_map(|entry| std::fs::read_to_string(entry.expect("an entry").path()).ok())
        .filter(|text| text.contains("user_blocked"))
        .collect();
    assert!(written.contains("\"sub\":\"usr_sam\""), "{written}");
}

#[tokio::test]
async fn a_directory_is_followed() {
    let directory = tempfile::tempdir().expect("a directory");
    follows(directory.path().to_str().expect("text").to_owned(), directory.path()).await;
}

#[tokio::test]
async fn a_web_server_that_only_has_the_files_is_followed() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = Router::new().fallback_service(tower_http::services::ServeDir::new(directory.path()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, files).await.expect("serves") });
    follows(url, directory.path()).await;
}

#[tokio::test]
async fn a_lost_state_is_no_way_to_an_older_one() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut world = World::without_gateway().await;
    let at = directory.path().to_str().expect("text").to_owned();
    let every = Duration::from_secs(1);
    world.settings.repository = Some(Repository { at, tenant: "acme".into(), root_sha256: world.control.root_sha256(), every });
    world.cut_off();
    world.control.publish(world.policy.clone());
    export(&world, directory.path());
    let timestamp = directory.path().join("metadata/timestamp.json");
    let before = std::fs::read(&timestamp).expect("exported");
    let seq = world.control.revoke(Target::User("usr_sam".into()));
    export(&world, directory.path());
    world.start_gateway(false).await;
    world.healthy("the revocation", |health| health["revocation_seq"] == seq).await;
    world.stop_gateway().await;

    // The state is lost, and whoever holds the files has those from before the revocation, which have not ended yet.
    let after = std::fs::read(&timestamp).expect("exported");
    std::fs::write(&timestamp, before).expect("put back");
    let state = world.dir.path().join("trusted.json");
    let kept = std::fs::read(&state).expect("kept");
    std::fs::remove_file(&state).expect("removed");
    world.start_gateway(false).await;
    world.healthy("the refusal", |health| health["error"]["code"] == "rollback" && health["status"] == "closed").await;
    assert_eq!(world.call(&world.sam(), "logs.read").await.reason(), "gateway_closed");
    std::fs::write(&timestamp, after).expect("put back");
    world.healthy("the truth", |health| health["revocation_seq"] == seq && health["error"].is_null()).await;
    world.stop_gateway().await;

    // Versions that a failing disk made up are not believed: what verifies is in force.
    std::fs::write(&state, kept).expect("written");
    let floors = world.dir.path().join("floors.sealed");
    let text = std::fs::read_to_string(&floors).expect("kept").replacen("\"version\":", "\"version\":9", 1);
    std::fs::write(&floors, text).expect("written");
    world.start_gateway(false).await;
    world.healthy("the kept state", |health| health["revocation_seq"] == seq && health["error"].is_null()).await;
}
