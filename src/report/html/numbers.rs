//! Numbers as people read them. A number that is none is a dash.

use crate::plot::grouped;
use crate::report::page::Histogram;

const NONE: &str = "–";

/// Writes a count with a comma between each three digits.
pub(super) fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// Writes a count and what it counts.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// Writes how a count differs from an earlier one.
pub(super) fn change(before: u64, now: u64) -> String {
    let by = count(now.abs_diff(before));
    match (before, now) {
        _ if before == now => "unchanged".to_owned(),
        (0, _) => format!("+{by}, new"),
        _ => format!("{}{by} ({})", sign(before, now), relative(before, now)),
    }
}

/// Writes in per cent of an earlier count how one differs from it.
pub(super) fn relative(before: u64, now: u64) -> String {
    let ratio = now.abs_diff(before) as f64 / before as f64;
    match (before, now) {
        _ if before == now => "unchanged".to_owned(),
        (0, _) => "new".to_owned(),
        _ if ratio < 0.0005 => "<0.1%".to_owned(),
        _ => format!("{}{:.1}%", sign(before, now), ratio * 100.0),
    }
}

fn sign(before: u64, now: u64) -> char {
    if now < before { '\u{2212}' } else { '+' }
}

/// Writes a part of a whole in per cent.
pub(super) fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NONE.to_owned();
    }
    percent(part as f64 / whole as f64)
}

/// Writes a ratio in per cent. What is nearly none or nearly all is not rounded to it.
pub(super) fn percent(ratio: f64) -> String {
    let percent = ratio * 100.0;
    if !percent.is_finite() {
        NONE.to_owned()
    } else if percent == 0.0 || percent == 100.0 || percent.abs() >= 1000.0 {
        format!("{percent:.0}%")
    } else if percent > 0.0 && percent < 0.1 {
        "<0.1%".to_owned()
    } else if percent > 99.9 && percent < 100.0 {
        ">99.9%".to_owned()
    } else {
        format!("{percent:.1}%")
    }
}

/// Writes a score between zero and one.
pub(super) fn score(score: f64) -> String {
    if score.is_finite() {
        format!("{score:.3}")
    } else {
        NONE.to_owned()
    }
}

/// Writes how a score differs from an earlier one.
pub(super) fn score_change(before: f64, now: f64) -> String {
    let by = now - before;
    if !by.is_finite() {
        NONE.to_owned()
    } else if by.abs() < 0.0005 {
        "±0".to_owned()
    } else {
        let sign = if by < 0.0 { "\u{2212}" } else { "+" };
        format!("{sign}{:.3}", by.abs())
    }
}

/// Writes milliseconds with two digits that mean something.
pub(super) fn milliseconds(ms: f64) -> String {
    if !ms.is_finite() {
        NONE.to_owned()
    } else if ms >= 1000.0 {
        seconds(ms / 1000.0)
    } else if ms >= 9.95 {
        format!("{ms:.0} ms")
    } else if ms >= 0.995 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.2} ms")
    }
}

/// Writes seconds; minutes and hours where there are many.
pub(super) fn seconds(seconds: f64) -> String {
    if !seconds.is_finite() {
        NONE.to_owned()
    } else if seconds >= 3600.0 {
        let minutes = (seconds / 60.0).round();
        format!(
            "{:.0} h {:.0} min",
            (minutes / 60.0).floor(),
            minutes % 60.0
        )
    } else if seconds >= 60.0 {
        let whole = seconds.round();
        format!("{:.0} min {:.0} s", (whole / 60.0).floor(), whole % 60.0)
    } else if seconds >= 0.095 {
        format!("{seconds:.1} s")
    } else {
        format!("{:.1} ms", seconds * 1000.0)
    }
}

/// Writes a size.
pub(super) fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if size < 1024.0 {
            let decimals = usize::from(size < 99.95 && unit != "B");
            return format!("{size:.decimals$} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.1} TiB")
}

/// Guesses the number that a share of a histogram lies below, none if it counts nothing.
pub(super) fn quantile(histogram: &Histogram, share: f64) -> Option<f64> {
    let total: u64 = histogram.counts.iter().sum();
    let mut left = share * total as f64;
    for (edges, count) in histogram.edges.windows(2).zip(&histogram.counts) {
        let count = *count as f64;
        if let [low, high] = edges
            && count > 0.0
            && left <= count
        {
            let at = low + (high - low) * left / count;
            return at.is_finite().then_some(at);
        }
        left -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators_and_changes_a_sign() {
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "chunk", "chunks"), "1 chunk");
        assert_eq!(change(1_000, 1_234), "+234 (+23.4%)");
        assert_eq!(change(1_000, 1), "\u{2212}999 (\u{2212}99.9%)");
        assert_eq!(change(100_000, 100_001), "+1 (<0.1%)");
        assert_eq!(change(0, 5), "+5, new");
        assert_eq!(change(5, 5), "unchanged");
    }

    #[test]
    fn nearly_none_and_nearly_all_are_not_rounded_away() {
        assert_eq!(share(1, 100_000), "<0.1%");
        assert_eq!(share(99_999, 100_000), ">99.9%");
        assert_eq!(share(0, 5), "0%");
        assert_eq!(share(5, 5), "100%");
        assert_eq!(share(1, 0), "–");
    }

    #[test]
    fn what_is_no_number_is_a_dash() {
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(percent(odd), "–");
            assert_eq!(score(odd), "–");
            assert_eq!(milliseconds(odd), "–");
            assert_eq!(seconds(odd), "–");
            assert_eq!(score_change(odd, 1.0), "–");
        }
    }

    #[test]
    fn units_fit_the_size() {
        assert_eq!(milliseconds(0.421), "0.42 ms");
        assert_eq!(milliseconds(4.21), "4.2 ms");
        assert_eq!(milliseconds(42.1), "42 ms");
        assert_eq!(milliseconds(4210.0), "4.2 s");
        assert_eq!(seconds(75.0), "1 min 15 s");
        assert_eq!(seconds(7_260.0), "2 h 1 min");
        assert_eq!(seconds(0.012), "12.0 ms");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3 << 20), "3.0 MiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
        assert_eq!(score_change(0.9, 0.85), "\u{2212}0.050");
    }

    #[test]
    fn a_quantile_lies_inside_its_bin() {
        let histogram = Histogram {
            edges: vec![0.0, 10.0, 20.0],
            counts: vec![1, 3],
        };
        assert_eq!(quantile(&histogram, 0.25), Some(10.0));
        assert_eq!(quantile(&histogram, 1.0), Some(20.0));
        assert_eq!(quantile(&Histogram::default(), 0.5), None);
    }
}
