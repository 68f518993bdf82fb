//! Findings as GitHub Actions shows them: a workflow command a problem, which becomes an annotation of the run.

use super::context::Context;
use crate::verify::Report;

/// Tells every problem of a report where a job of GitHub Actions listens.
pub(super) fn tell(context: &Context<'_>, report: &Report) {
    if std::env::var("GITHUB_ACTIONS").as_deref() != Ok("true") {
        return;
    }
    for check in &report.checks {
        let title = property(&format!("ragctl verify {}: {}", report.version, check.name));
        for problem in &check.problems {
            let message = data(&problem.to_string());
            context
                .ui
                .workflow_command(&format!("::error title={title}::{message}"));
        }
        for warning in &check.warnings {
            let message = data(warning);
            context
                .ui
                .workflow_command(&format!("::warning title={title}::{message}"));
        }
    }
}

/// Escapes a workflow command's message: an end of line would end the command, and begin another one.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// Escapes a workflow command's property, which ends at a colon or comma too.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_cannot_begin_another_command() {
        assert_eq!(data("50%\n::stop"), "50%25%0A::stop");
        assert_eq!(property("a:b,c"), "a%3Ab%2Cc");
    }
}
