use super::*;
use crate::report::page::{
    Changes, Check, Churned, Counts, Diff, Duplicates, Fact, Found, Golden, Histogram, Map, Pair,
    Point, Scores, Setting, Share, Timing, Worst,
};

const EVIL: &str = "</style><script>alert(1)</script>\"'&\u{202e}gpj.exe\u{7}\u{2066}";

/// A page on which everything is there, as many as are shown and more, and says `word`.
fn full(word: &str, points: usize) -> Page {
    let word = || word.to_owned();
    let fact = || Fact {
        name: word(),
        value: word(),
    };
    let share = |i: u64| Share {
        name: format!("{i} {}", word()),
        chunks: 100 * i,
        before: Some(90 * i),
        ..Share::default()
    };
    let histogram = || Histogram {
        edges: (0..=20).map(f64::from).collect(),
        counts: (0..20).collect(),
    };
    let scattered = |seed: u64| {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut point = |i: usize| Point {
            x: random.f32(),
            y: random.f32(),
            category: (i % 14) as u16,
        };
        (0..points).map(&mut point).collect::<Vec<_>>()
    };
    let found = || Found {
        uri: word(),
        heading: word(),
        text: word(),
        relevant: true,
        ..Found::default()
    };
    let worst = || Worst {
        query: word(),
        tag: word(),
        wanted: vec![word(); 20],
        found: vec![found(); 20],
        recall: 0.1,
    };
    let churned = || Churned {
        query: word(),
        churn: 0.5,
        gone: vec![word(); 20],
        new: vec![word(); 20],
    };
    Page {
        version: word(),
        against: Some(word()),
        store: word(),
        created: word(),
        tool: word(),
        facts: vec![fact(); 20],
        counts: Counts::default(),
        before: Some(Counts::default()),
        checks: vec![
            Check {
                level: word(),
                name: word(),
                passed: false,
                summary: word(),
                problems: vec![word(); 50],
            };
            8
        ],
        sources: (0..150).map(share).collect(),
        formats: (0..9).map(share).collect(),
        sections: (0..150).map(share).collect(),
        lengths: histogram(),
        lengths_before: Some(histogram()),
        neighbours: histogram(),
        duplicates: Duplicates {
            exact: 3,
            near: 4,
            sampled: 5,
            examples: vec![
                Pair {
                    a_uri: word(),
                    b_uri: word(),
                    a_text: word(),
                    b_text: word(),
                    score: 0.99,
                };
                50
            ],
        },
        curve: (1..12)
            .map(|i| Setting {
                label: word(),
                recall: 1.0 - 1.0 / f64::from(i),
                p50_ms: f64::from(i),
                p99_ms: f64::from(2 * i),
                chosen: i == 5,
            })
            .collect(),
        exact_ms: Some(50.0),
        golden: Some(Golden {
            tags: (0..30)
                .map(|_| (word(), Scores::default(), Some(Scores::default())))
                .collect(),
            worst: vec![worst(); 50],
            ..Golden::default()
        }),
        map: Some(Map {
            categories: (0..12).map(|_| word()).collect(),
            points: scattered(1),
            before: Some(scattered(2)),
            ..Map::default()
        }),
        diff: Some(Diff {
            from: word(),
            to: word(),
            chunks: Changes::default(),
            settings: vec![(word(), word(), word()); 20],
            changed_documents: vec![(word(), word()); 5_000],
            churned: vec![churned(); 50],
            ..Diff::default()
        }),
        timings: vec![
            Timing {
                stage: word(),
                seconds: 4.0,
            };
            8
        ],
        settings: vec![fact(); 40],
    }
}

#[test]
fn an_empty_page_says_what_is_not_known() {
    let html = render(&Page::default());
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert!(html.contains("Not verified"));
    assert!(html.contains("Nothing is known of: what is in it; chunk lengths"));
    assert_eq!(html.matches("<section").count(), 1);
}

#[test]
fn hostile_text_stays_text_everywhere() {
    let html = render(&full(EVIL, 10));
    assert!(!html.contains("<script"));
    assert_eq!(html.matches("</style>").count(), 1);
    for obeyed in ['\u{202e}', '\u{2066}', '\u{7}'] {
        assert!(!html.contains(obeyed));
    }
    assert!(html.contains("\\u{202e}gpj.exe\\u{7}\\u{2066}"));
}

#[test]
fn a_full_page_stays_below_a_megabyte() {
    let html = render(&full(&"a text of usual length ".repeat(20), 8_000));
    assert!(html.len() < 1_000_000, "{}", html.len());
    assert_eq!(html.matches("<section").count(), 9);
}

#[test]
fn nothing_is_fetched_and_every_link_leads_somewhere() {
    let html = render(&full("word", 10));
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("src="));
    assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'"));
    for target in html.split("href=\"#").skip(1) {
        let id = target.split('"').next().unwrap();
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
    }
}

#[test]
fn an_identity_is_given_once() {
    let html = render(&full("word", 10));
    let mut ids: Vec<&str> = html
        .split(" id=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all);
}
