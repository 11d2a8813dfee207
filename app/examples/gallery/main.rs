//! Writes every page with believable data into a directory: `cargo run -p app --example gallery -- target/gallery`.

mod samples;

use std::{env, fs, path::PathBuf};

fn main() -> std::io::Result<()> {
    let dir = PathBuf::from(env::args().nth(1).unwrap_or_else(|| "target/gallery".to_owned()));
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("writ.css"), include_str!("../../../style/writ.css"))?;
    fs::write(dir.join("icon.svg"), include_str!("../../../style/icon.svg"))?;
    let mut index = String::from("<!DOCTYPE html><title>Gallery</title><ul>");
    for sample in samples::all() {
        fs::write(dir.join(format!("{}.html", sample.name)), sample.html)?;
        index.push_str(&format!("<li><a href=\"{0}.html\">{0}</a>", sample.name));
    }
    fs::write(dir.join("index.html"), index)?;
    println!("{}", dir.display());
    Ok(())
}
