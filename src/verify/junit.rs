//! A report as JUnit XML, which CI systems show as tests.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::Report;

/// Writes a report: one test suite a version, one case a check.
pub fn junit(report: &Report) -> String {
    let mut suite = TestSuite::new(format!("ragctl verify {}", report.version));
    for check in &report.checks {
        let status = match check.problems.first() {
            None => TestCaseStatus::success(),
            Some(first) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                let all: Vec<String> = check.problems.iter().map(ToString::to_string).collect();
                status
                    .set_type(check.level.to_string())
                    .set_message(first.to_string())
                    .set_description(all.join("\n"));
                status
            }
        };
        let mut case = TestCase::new(check.name.clone(), status);
        case.set_classname(format!("ragctl.{}", check.level));
        case.set_system_out(check.summary.clone());
        suite.add_test_case(case);
    }
    suite.set_time(Duration::from_millis(report.duration_ms));
    let mut document = Document::new("ragctl verify");
    document.set_time(Duration::from_millis(report.duration_ms));
    document.add_test_suite(suite);
    // Writing to memory does not fail.
    document.to_string().unwrap_or_default()
}
