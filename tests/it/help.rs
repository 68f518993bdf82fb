//! The help of every command, as a reviewed snapshot.

use crate::support::Sandbox;

#[test]
fn help() {
    let sandbox = Sandbox::new();
    let mut text = String::new();
    let mut add = |args: &[&str]| {
        let output = sandbox.run(args.iter().copied()).ok();
        text.push_str(&format!("$ ragctl {}\n{}\n", args.join(" "), output.stdout));
    };
    add(&["-h"]);
    add(&["--help"]);
    for command in ragctl::cli::command().get_subcommands() {
        let inner: Vec<&str> = command
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        add(&[command.get_name(), "--help"]);
        inner
            .iter()
            .for_each(|name| add(&[command.get_name(), name, "--help"]));
    }
    insta::assert_snapshot!(text);
}
