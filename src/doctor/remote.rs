//! A remote: whether it can be reached and read, what lies there, whether its clock is ours, and whether it keeps the conditions
//! that moving a channel needs.

use super::Outcome;
use crate::fault::{Fault as _, Kind};
use crate::progress::Progress;
use crate::remote::{self, Error, Remote};

pub(super) fn look(remote: &Remote, progress: &dyn Progress) -> Vec<(&'static str, Outcome)> {
    let reached = match remote::overview(remote, progress) {
        Ok(overview) => Outcome::ok(format!(
            "{} holds {} versions and {} channels",
            overview.remote,
            overview.versions.len(),
            overview.channels.len()
        )),
        Err(Error::Empty(remote)) => {
            Outcome::ok(format!("{remote} answers; nothing was pushed to it yet"))
        }
        Err(e) => {
            let not_tried = Outcome::not_run(
                "the remote cannot be read",
                "Mend that first, then look again.",
            );
            return vec![("remote", of(&e)), ("remote_conditions", not_tried)];
        }
    };
    let conditions = match remote::prove_conditions(remote, progress) {
        Ok(()) => {
            Outcome::ok("a wrong condition is refused, and of eight writers at once one is taken")
        }
        // Whoever only pulls need not write.
        Err(e @ Error::Transport { .. }) => Outcome::not_run(
            format!("nothing can be written: {e}"),
            "That is as it should be where versions are only pulled.",
        ),
        Err(e) => of(&e),
    };
    vec![("remote", reached), ("remote_conditions", conditions)]
}

fn of(e: &Error) -> Outcome {
    Outcome::Failed {
        kind: match e.kind() {
            Kind::Interrupted => Kind::Failed,
            kind => kind,
        },
        seen: e.to_string(),
        advice: e.hint().unwrap_or_default(),
    }
}
