//! One stylesheet from the files of `style/`, in the order in which the cascade layers are declared.

use crate::tree;
use anyhow::Result;
use std::{fs, path::Path};

struct Sheet {
    stem: String,
    text: String,
}

/// The files as one text. A file named like a layer takes that layer's place; the file that declares the order comes
/// first, and files of other names come last, by name.
pub fn joined(folder: &Path) -> Result<String> {
    let mut sheets = Vec::new();
    for file in tree::files_below(folder)? {
        if file.extension().is_some_and(|extension| extension == "css") {
            let stem = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            sheets.push(Sheet { stem, text: fs::read_to_string(&file)? });
        }
    }
    Ok(in_layer_order(sheets).iter().map(|sheet| format!("{}\n", sheet.text.trim_end())).collect())
}

fn in_layer_order(mut sheets: Vec<Sheet>) -> Vec<Sheet> {
    let layers: Vec<String> = sheets.iter().find_map(|sheet| declared_layers(&sheet.text)).unwrap_or_default();
    sheets.sort_by_key(|sheet| {
        let named = sheet.stem.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '_');
        let place = if declared_layers(&sheet.text).is_some() { 0 } else { layers.iter().position(|layer| layer == named).map_or(usize::MAX, |at| at + 1) };
        (place, sheet.stem.clone())
    });
    sheets
}

/// The names of a statement `@layer a, b, c;`. A block `@layer a { … }` declares no order.
fn declared_layers(text: &str) -> Option<Vec<String>> {
    text.split("@layer ").skip(1).find_map(|rest| {
        let statement = &rest[..rest.find(['{', ';'])?];
        let is_list = rest.as_bytes().get(statement.len()) == Some(&b';') && statement.contains(',');
        is_list.then(|| statement.split(',').map(|name| name.trim().to_owned()).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(stem: &str, text: &str) -> Sheet {
        Sheet { stem: stem.into(), text: text.into() }
    }

    #[test]
    fn layers_come_in_their_declared_order() {
        let sheets = vec![
            sheet("base", "@layer base { a {} }"),
            sheet("components", "@layer components {}"),
            sheet("extra", "p {}"),
            sheet("main", "@layer reset, base, components;"),
            sheet("reset", "@layer reset {}"),
        ];
        let order: Vec<String> = in_layer_order(sheets).into_iter().map(|sheet| sheet.stem).collect();
        assert_eq!(order, ["main", "reset", "base", "components", "extra"]);
    }

    #[test]
    fn numbers_before_a_name_do_not_hide_the_layer() {
        let sheets = vec![sheet("10-base", ""), sheet("20-tokens", ""), sheet("00-order", "@layer tokens, base;")];
        let order: Vec<String> = in_layer_order(sheets).into_iter().map(|sheet| sheet.stem).collect();
        assert_eq!(order, ["00-order", "20-tokens", "10-base"]);
    }
}
