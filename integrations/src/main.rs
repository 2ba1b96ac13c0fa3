//! `cargo run -p tacho-integrations -- write integrations/`: writes the files anew.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program speaks to the terminal")]

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use tacho_integrations::files;

#[derive(Debug, Parser)]
#[command(name = "tacho-integrations", about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write every file below a folder
    Write {
        /// The folder, `integrations/` of the repository
        folder: PathBuf,
    },
}

fn main() -> anyhow::Result<()> {
    let Command::Write { folder } = Arguments::parse().command;
    for file in files::all()? {
        let path = folder.join(file.path);
        let parent = path.parent().unwrap_or(&folder);
        std::fs::create_dir_all(parent).with_context(|| format!("create {}", parent.display()))?;
        std::fs::write(&path, file.text).with_context(|| format!("write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}
