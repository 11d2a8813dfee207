//! Writes a small repository to a directory, with a rotated root, for another TUF client to follow: see `oracle/`.
//!
//! `cargo run -p bundle --example write_repository -- DIRECTORY UNIX_SECONDS`

use std::path::Path;

use bundle::{Assignment, Files, Key, KeySet, Repository, Signer, Stamp};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(directory), Some(now)) = (args.next(), args.next()) else {
        return Err("usage: write_repository DIRECTORY UNIX_SECONDS".into());
    };
    let expires = now.parse::<i64>()? + 3600;
    let at = |version| Stamp { version, expires };
    let mut keys = KeySet::generate()?;
    let (mut repository, mut files) = Repository::create("acme", &keys.root_keys(), &[&keys.root], expires)?;
    let delegates = keys.delegates();
    let targets: [&dyn Signer; 1] = [&keys.targets];
    files.extend(repository.publish(&targets, &delegates, 1, r#"{"version":1}"#, 0, at(1))?);
    files.extend(repository.publish(&targets, &delegates, 2, "{\"version\":2,\"name\":\"Zoë\"}", 0, at(2))?);
    files.extend(repository.assign(&[&keys.assignment], &Assignment::single_ring(2), at(1))?);
    files.extend(repository.revoke(&[&keys.revocations], r#"{"seq":7}"#, 7, at(1))?);
    let old_root = std::mem::replace(&mut keys.root, Key::generate()?);
    keys.timestamp = Key::generate()?;
    files.extend(repository.rotate(&keys.root_keys(), &[&old_root, &keys.root], expires)?);
    files.extend(repository.snapshot(&[&keys.snapshot], at(1))?);
    files.extend(repository.timestamp(&[&keys.timestamp], at(1))?);
    write(Path::new(&directory), &files)?;
    Ok(())
}

fn write(directory: &Path, files: &Files) -> std::io::Result<()> {
    for (path, bytes) in files {
        let path = directory.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, bytes)?;
    }
    Ok(())
}
