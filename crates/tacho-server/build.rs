//! Builds the dashboard and embeds it: runs npm where `web/` changed, then writes a table of
//! gzip-compressed files.
//!
//! Without Node the table is empty and the build goes on: the server says how to get the page.
//! `TACHO_WEB_DIST` names a folder with a page that was built already.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let manifest = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let web = manifest.join("../../web");
    for input in [
        "src",
        "public",
        "index.html",
        "package.json",
        "package-lock.json",
    ] {
        let path = web.join(input);
        if path.exists() {
            println!("cargo:rerun-if-changed={}", path.display());
        }
    }
    println!(
        "cargo:rerun-if-changed={}",
        web.join("vite.config.ts").display()
    );
    println!("cargo:rerun-if-env-changed=TACHO_WEB_DIST");
    let dist = match std::env::var_os("TACHO_WEB_DIST") {
        Some(dist) => Some(PathBuf::from(dist)),
        None => build_page(&web),
    };
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());
    if let Err(error) = embed(dist.as_deref(), &out) {
        println!("cargo:error=failed to embed the dashboard: {error}");
    }
}

/// Runs npm; `None`, with a warning that says why, where that does not work.
fn build_page(web: &Path) -> Option<PathBuf> {
    if !web.join("package.json").exists() {
        return None;
    }
    let steps: [&[&str]; 2] = [
        &["ci", "--no-audit", "--no-fund", "--prefer-offline"],
        &["run", "build"],
    ];
    for arguments in steps {
        let installed = web.join("node_modules/.package-lock.json");
        if arguments[0] == "ci" && newer(&installed, &web.join("package-lock.json")) {
            continue;
        }
        match Command::new("npm")
            .args(arguments)
            .current_dir(web)
            .output()
        {
            Err(_) => {
                println!("cargo:warning=Node.js is missing: this build has no dashboard");
                return None;
            }
            Ok(output) if !output.status.success() => {
                let said = String::from_utf8_lossy(&output.stderr);
                let last = said
                    .lines()
                    .rev()
                    .find(|line| !line.trim().is_empty())
                    .unwrap_or("");
                let what = arguments.join(" ");
                println!("cargo:warning=npm {what} failed, this build has no dashboard: {last}");
                return None;
            }
            Ok(_) => {}
        }
    }
    Some(web.join("dist"))
}

fn newer(a: &Path, b: &Path) -> bool {
    let modified = |path: &Path| path.metadata().and_then(|m| m.modified()).ok();
    matches!((modified(a), modified(b)), (Some(a), Some(b)) if a >= b)
}

fn embed(dist: Option<&Path>, out: &Path) -> std::io::Result<()> {
    let mut files = Vec::new();
    if let Some(dist) = dist {
        walk(dist, dist, &mut files)?;
    }
    files.sort();
    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    for (index, (path, bytes)) in files.iter().enumerate() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes)?;
        let compressed = encoder.finish()?;
        let gzip = compressed.len() < bytes.len();
        let stored = if gzip { &compressed } else { bytes };
        let file = out.join(format!("asset-{index}"));
        std::fs::write(&file, stored)?;
        let etag = format!("\"{:08x}-{:x}\"", crc32fast::hash(bytes), bytes.len());
        let file = file.display().to_string();
        let _ = writeln!(
            table,
            "Asset {{ path: {path:?}, bytes: include_bytes!({file:?}), gzip: {gzip}, \
             etag: {etag:?} }},"
        );
    }
    table.push_str("];\n");
    std::fs::write(out.join("assets.rs"), table)
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<(String, Vec<u8>)>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(root, &path, files)?;
        } else {
            let name = path
                .strip_prefix(root)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            files.push((name, std::fs::read(&path)?));
        }
    }
    Ok(())
}
