//! Commands in place of servers.

use super::*;

const LONG: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

/// Runs a script of the shell once a client; `$1` is the honest answer.
fn ask_shell(script: &str, count: usize, timeout: Duration) -> Result<Outcome, Error> {
    let store = Store::new();
    let answer = store.answer(NEW).to_string();
    let args = ["-c", script, "sh", &answer].map(Into::into);
    let mapping = Mapping::ragctl().unwrap();
    let target = Target::command("sh".into(), args.into(), mapping).unwrap();
    let questions = questions(count);
    let request = Request {
        rounds: 1,
        clients: 1,
        timeout,
        ..Request::new(&questions, K)
    };
    check(&target, &request, &store, &Silent)
}

#[test]
fn a_command_that_answers_passes() {
    let script = r#"while read -r line; do printf '%s\n' "$1"; done"#;
    let outcome = ask_shell(script, 5, LONG).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
    assert_eq!(outcome.answered, 5);
}

#[test]
fn a_command_reads_one_request_a_line() {
    let script = r#"
        read -r line
        [ "$line" = '{"text":"question 0?","k":3}' ] && printf '%s\n' "$1" || printf '%s\n' "$line""#;
    let outcome = ask_shell(script, 1, LONG).unwrap();
    assert!(outcome.passed(), "{:?}", outcome.findings);
}

#[test]
fn a_command_that_dies_in_the_middle_is_a_finding_and_is_started_again() {
    let script = r#"read -r line; printf '%s\n' "$1"; read -r line; exit 3"#;
    let outcome = ask_shell(script, 3, LONG).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Exited);
    assert!(outcome.findings[0].found.contains("exit status: 3"));
    assert_eq!((outcome.asked, outcome.answered), (3, 2));
}

#[test]
fn a_command_that_dies_at_once_is_an_error() {
    let error = ask_shell("read -r line; exit 4", 3, LONG).unwrap_err();
    assert!(matches!(error, Error::Ended { .. }), "{error}");
    assert!(error.to_string().contains("exit status: 4"), "{error}");
}

#[test]
fn a_command_that_hangs_is_killed_and_is_a_finding() {
    let outcome = ask_shell("exec sleep 60", 1, SHORT).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Timeout);
}

#[test]
fn a_late_answer_is_not_taken_for_the_next_one() {
    let script = r#"
        read -r line
        case "$line" in *'question 0'*) exec sleep 60 ;; esac
        printf '%s\n' "$1""#;
    let outcome = ask_shell(script, 2, Duration::from_secs(1)).unwrap();
    assert_eq!(only_flaw(&outcome), Flaw::Timeout);
    assert_eq!(outcome.answered, 1);
}

#[test]
fn a_command_that_does_not_exist_is_an_error() {
    let mapping = Mapping::ragctl().unwrap();
    let target = Target::command("/no/such/program".into(), Vec::new(), mapping).unwrap();
    let error = ask(&target, &Store::new()).unwrap_err();
    assert!(matches!(error, Error::Start { .. }), "{error}");
}

#[test]
fn a_command_has_neither_headers_nor_paths() {
    for toml in [
        "[response]\nversion_header = 'x-version'",
        "[request]\nmethod = 'GET'\npath = '/?q={query}'",
    ] {
        assert!(Target::command("true".into(), Vec::new(), mapping(toml)).is_err());
    }
}
