//! `ragctl completions`

use clap::{Args, ValueEnum};
use clap_complete::{Shell as Target, generate};

use super::context::Context;
use super::error::CliError;

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(before_long_help = "Example:\n  ragctl completions bash > /etc/bash_completion.d/ragctl")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Returns the completion scripts with their file names.
pub fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    [
        ("ragctl.bash", Shell::Bash),
        ("_ragctl", Shell::Zsh),
        ("ragctl.fish", Shell::Fish),
    ]
    .map(|(name, shell)| (name, script(shell)))
    .into()
}

fn script(shell: Shell) -> Vec<u8> {
    let target = match shell {
        Shell::Bash => Target::Bash,
        Shell::Zsh => Target::Zsh,
        Shell::Fish => Target::Fish,
    };
    let mut text = Vec::new();
    generate(target, &mut super::command(), "ragctl", &mut text);
    text
}

impl CompletionsArgs {
    pub(super) fn run(&self, context: &Context<'_>) -> Result<(), CliError> {
        Ok(context.ui.document(&script(self.shell))?)
    }
}
