//! The tree, read once, for the house rules in `tests/`.
//!
//! Rules look at text and never run anything, so they are quick enough to come first.

use std::path::{Path, PathBuf};

/// One file of the tree.
#[derive(Debug)]
pub struct File {
    /// Its path from the root, with forward slashes.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Folders that hold nothing we wrote.
const SKIPPED: [&str; 10] = [
    ".venv",
    "target",
    "node_modules",
    "dist",
    // What the fuzzers made up.
    "corpus",
    "artifacts",
    ".git",
    "tacho-data",
    "fixtures",
    "assets",
];

/// Every text file of ours, in order of path.
pub fn files() -> Vec<File> {
    let root = root();
    let mut files = Vec::new();
    walk(&root, &root, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !SKIPPED.contains(&name.as_str()) {
                walk(root, &path, files);
            }
            continue;
        }
        let Ok(relative) = path.strip_prefix(root) else {
            continue;
        };
        if let Ok(text) = std::fs::read_to_string(&path) {
            let path = relative.to_string_lossy().replace('\\', "/");
            files.push(File { path, text });
        }
    }
}
