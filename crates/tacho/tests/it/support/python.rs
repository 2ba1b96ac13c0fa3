//! Real clients in Python, installed by `script/clients` where `TACHO_CLIENTS` says.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program of `tests/clients` with these arguments; what it printed, or `None`, said, where
/// the clients are not installed.
pub(crate) fn run(program: &str, args: &[&str]) -> Option<String> {
    let Some(clients) = std::env::var_os("TACHO_CLIENTS") else {
        println!("skipped: TACHO_CLIENTS does not say where script/clients put the clients");
        return None;
    };
    let python = PathBuf::from(clients).join("py/bin/python");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let ran = Command::new(python)
        .arg(folder.join(program))
        .args(args)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr),
    );
    assert!(ran.status.success(), "{program} {args:?}: {out}\n{err}");
    Some(out.into_owned())
}
