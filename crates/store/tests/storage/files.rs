//! The database's files and who may read them.

use std::os::unix::fs::PermissionsExt;
use store::{Settings, Store};

#[tokio::test]
async fn a_new_database_and_what_stands_beside_it_are_its_owner_s_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("writ.db");
    let open = async || Store::open(&Settings::Sqlite(path.clone())).await.expect("opens");
    let store = open().await;
    let mut seen = Vec::new();
    for entry in std::fs::read_dir(folder.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
        seen.push(entry.file_name().into_string().expect("text"));
    }
    seen.sort_unstable();
    assert_eq!(seen, ["writ.db", "writ.db-shm", "writ.db-wal"]);
    drop(store);
    // One that is there already opens, and keeps the mode that it has.
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("set");
    drop(open().await);
    assert_eq!(std::fs::metadata(&path).expect("is there").permissions().mode() & 0o777, 0o640);
}
