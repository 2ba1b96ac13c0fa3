//! `tacho completions`: completions for a shell.

use anyhow::Result;
use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::commands::print;
use crate::exit::Outcome;

/// Completions for a shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho completions bash > ~/.local/share/bash-completion/completions/tacho
  tacho completions zsh > ~/.zfunc/_tacho
  tacho completions fish > ~/.config/fish/completions/tacho.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

/// Prints them.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tacho", &mut script);
    print(&String::from_utf8_lossy(&script))?;
    Ok(Outcome::Fine)
}
