//! `tacho completions`: completions for a shell.
//!
//! Commands and options stand in the script. What only a server knows (metrics, labels, values) the
//! script asks of `tacho completions --query`, for bash, zsh and fish.

mod series;

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::client::Remote;
use crate::commands::print;
use crate::exit::Outcome;

/// Completions for a shell; for queries too, from the running server.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  tacho completions bash > ~/.local/share/bash-completion/completions/tacho
  tacho completions zsh > ~/.zfunc/_tacho
  tacho completions fish > ~/.config/fish/completions/tacho.fish")]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum, required_unless_present = "query")]
    shell: Option<Shell>,
    /// What a query could go on with, a line each: what the scripts call
    #[arg(long, hide = true, value_name = "WORD", conflicts_with = "shell")]
    query: Option<String>,
    #[command(flatten)]
    remote: Remote,
}

/// Behind what is made for bash: words of a query that is typed.
const BASH: &str = r#"
_tacho_with_series() {
    _tacho "$@"
    local word="${COMP_WORDS[COMP_CWORD]}"
    [[ ${COMP_WORDS[1]} == query && $word != -* ]] || return 0
    [[ $3 == query || $3 == --raw || $3 != --* ]] || return 0
    local offered
    mapfile -t offered < <("${COMP_WORDS[0]}" completions --query "$word" 2>/dev/null)
    if [[ ${#offered[@]} -gt 0 ]]; then
        COMPREPLY=("${offered[@]}")
        compopt -o nospace 2>/dev/null
    fi
    return 0
}
complete -F _tacho_with_series -o bashdefault -o default tacho
"#;

/// The same for zsh, before its last lines, which begin to use it.
const ZSH: &str = r#"
_tacho_series() {
    local -a offered
    offered=("${(@f)$(tacho completions --query "${(Q)PREFIX}" 2>/dev/null)}")
    compadd -S '' -- "${offered[@]}"
}
"#;
/// What completes the argument of `query` there, as it is made.
const ZSH_QUERY: &str = "or at each --step of --window:_default'";

/// The same for fish.
const FISH: &str = r#"
complete -c tacho -n "__fish_seen_subcommand_from query" -f -a "(tacho completions --query (commandline -ct) 2>/dev/null)"
"#;

/// Prints them.
pub(crate) fn run(args: &Args) -> Result<Outcome> {
    if let Some(word) = &args.query {
        let offered = series::offered(word, &args.remote);
        let lines: String = offered.iter().map(|one| format!("{one}\n")).collect();
        print(&lines)?;
    }
    if let Some(shell) = args.shell {
        print(&script(shell))?;
    }
    Ok(Outcome::Fine)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tacho", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script + BASH,
        Shell::Fish => script + FISH,
        Shell::Zsh => {
            let asking = ZSH_QUERY.replace("_default", "_tacho_series");
            let script = script.replace(ZSH_QUERY, &asking);
            // The first function begins behind the lines that name what it completes.
            script.replacen("_tacho() {", &format!("{}\n_tacho() {{", ZSH.trim()), 1)
        }
        _ => script,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k9_queries_are_completed_in_each_shell() {
        for (shell, expected) in [
            (Shell::Bash, "complete -F _tacho_with_series"),
            (Shell::Zsh, ":_tacho_series'"),
            (Shell::Zsh, "\n_tacho_series() {"),
            (Shell::Fish, "(tacho completions --query"),
        ] {
            assert!(script(shell).contains(expected), "{shell}: {expected}");
        }
    }
}
