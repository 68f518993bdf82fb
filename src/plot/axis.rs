//! Where a number lies along an axis, and which numbers are written at it.

use super::text;

/// What an axis of a chart shows.
#[derive(Debug, Clone, Default)]
pub struct Axis {
    /// What the numbers are, and their unit.
    pub label: String,
    /// Whether equal steps are equal factors. Numbers that are not above zero are then left out.
    pub log: bool,
}

/// From numbers to units of the drawing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    step: f64,
    log: bool,
    from: f64,
    to: f64,
}

/// A number that is written at an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) at: f64,
    pub(super) text: String,
}

impl Scale {
    /// Spans some numbers: between round ones, or with a little air where equal steps are factors. `most` is how many
    /// numbers there is room to write.
    pub(super) fn over(values: impl Iterator<Item = f64>, log: bool, most: usize) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| is_drawn(*value, log)) {
            (low, high) = (low.min(value), high.max(value));
        }
        if low > high {
            (low, high) = if log { (1.0, 10.0) } else { (0.0, 1.0) };
        }
        let mut step = step(high - low, most);
        if log {
            let air = (high / low).powf(0.06).max(1.1);
            (low, high) = (low / air, high * air);
        } else {
            if high <= low {
                step = step_around(low);
                (low, high) = (low - step, high + step);
            }
            low = (low / step + 1e-9).floor() * step;
            high = (high / step - 1e-9).ceil() * step;
        }
        Self {
            low,
            high,
            step,
            log,
            from: 0.0,
            to: 1.0,
        }
    }

    /// Lays the axis between two places of the drawing.
    pub(super) fn between(self, from: f64, to: f64) -> Self {
        Self { from, to, ..self }
    }

    /// Gives the place of a number, none if it cannot be drawn.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        if !is_drawn(value, self.log) {
            return None;
        }
        let (low, high, value) = if self.log {
            (self.low.ln(), self.high.ln(), value.ln())
        } else {
            (self.low, self.high, value)
        };
        let share = ((value - low) / (high - low)).clamp(0.0, 1.0);
        let place = self.from + share * (self.to - self.from);
        place.is_finite().then_some(place)
    }

    /// The numbers to write.
    pub(super) fn ticks(&self, most: usize) -> Vec<Tick> {
        let values = if self.log {
            self.factors(most)
        } else {
            self.multiples(self.step)
        };
        values
            .into_iter()
            .filter_map(|value| {
                Some(Tick {
                    at: self.place(value)?,
                    text: number(value, if self.log { value } else { self.step }),
                })
            })
            .collect()
    }

    fn multiples(&self, step: f64) -> Vec<f64> {
        let first = (self.low / step - 1e-9).ceil();
        (0..60)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|value| *value <= self.high + 1e-9 * step)
            .collect()
    }

    /// One, two and five of each power of ten; only the powers, or each second, third … of them, where those are too many.
    fn factors(&self, most: usize) -> Vec<f64> {
        let decades = (self.low.log10().floor() as i32)..=(self.high.log10().ceil() as i32);
        let inside = |digits: &[f64], every: i32| -> Vec<f64> {
            decades
                .clone()
                .filter(|decade| decade.rem_euclid(every) == 0)
                .flat_map(|decade| digits.iter().map(move |digit| digit * 10_f64.powi(decade)))
                .filter(|value| (self.low..=self.high).contains(value))
                .collect()
        };
        let all = inside(&[1.0, 2.0, 5.0], 1);
        if all.len() < 2 {
            return self.multiples(step(self.high - self.low, most.min(5)));
        }
        // They are short, so that two more have room.
        if all.len() <= most + 2 {
            return all;
        }
        (1..700)
            .map(|every| inside(&[1.0], every))
            .find(|powers| powers.len() <= most)
            .unwrap_or_default()
    }
}

fn is_drawn(value: f64, log: bool) -> bool {
    value.is_finite() && value.abs() < 1e100 && (!log || value > 1e-100)
}

/// The smallest of 1, 2, 5, 10, 20 … that divides a span into at most so many parts.
fn step(span: f64, most: usize) -> f64 {
    let raw = span / most.max(1) as f64;
    if !(raw.is_finite() && raw > 1e-100) {
        return 1.0;
    }
    let power = 10_f64.powf(raw.log10().floor());
    let digit = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|digit| digit * power >= raw * (1.0 - 1e-9))
        .unwrap_or(10.0);
    digit * power
}

/// A step for numbers that are all the same.
fn step_around(value: f64) -> f64 {
    if value == 0.0 {
        1.0
    } else {
        step(value.abs(), 5)
    }
}

/// Writes a number with as many decimals as tell it from its neighbours.
fn number(value: f64, step: f64) -> String {
    let size = value.abs();
    if size >= 1e12 || (size > 0.0 && size < 1e-6) {
        return format!("{value:.0e}");
    }
    if size >= 1e6 {
        let text = format!("{:.1}", value / 1e6);
        return format!("{}M", text.trim_end_matches(".0"));
    }
    let decimals = (-(step.abs().log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize;
    let plain = format!("{size:.decimals$}");
    let (whole, rest) = plain.split_at(plain.find('.').unwrap_or(plain.len()));
    let sign = if value < 0.0 && plain.contains(|c: char| ('1'..='9').contains(&c)) {
        "\u{2212}"
    } else {
        ""
    };
    format!("{sign}{}{rest}", text::grouped(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(values: &[f64], log: bool, most: usize) -> Vec<String> {
        let scale = Scale::over(values.iter().copied(), log, most);
        let ticks = scale.between(0.0, 100.0).ticks(most);
        assert!(ticks.iter().all(|tick| (0.0..=100.0).contains(&tick.at)));
        ticks.into_iter().map(|tick| tick.text).collect()
    }

    #[test]
    fn ticks_are_round_and_enclose_the_numbers() {
        assert_eq!(
            ticks(&[0.87, 1.0], false, 4),
            ["0.85", "0.90", "0.95", "1.00"]
        );
        assert_eq!(
            ticks(&[0.0, 4_321.0], false, 5),
            ["0", "1,000", "2,000", "3,000", "4,000", "5,000"]
        );
        assert_eq!(
            ticks(&[-3.0, 3.0], false, 4),
            ["\u{2212}4", "\u{2212}2", "0", "2", "4"]
        );
        assert_eq!(ticks(&[0.0, 3e6], false, 3), ["0", "1M", "2M", "3M"]);
    }

    #[test]
    fn factors_are_one_two_and_five() {
        assert_eq!(
            ticks(&[0.4, 30.0], true, 7),
            ["0.5", "1", "2", "5", "10", "20"]
        );
        assert_eq!(
            ticks(&[1.0, 1e5], true, 7),
            ["1", "10", "100", "1,000", "10,000", "100,000"]
        );
        assert_eq!(ticks(&[3.0, 3.4], true, 5), ["3", "4"]);
    }

    #[test]
    fn what_is_no_number_has_no_place() {
        for log in [false, true] {
            for values in [
                &[][..],
                &[f64::NAN, f64::INFINITY],
                &[1e300, -1e300],
                &[0.0],
                &[7.0, 7.0],
                &[1e-90, 1e90],
                &[f64::MIN_POSITIVE],
            ] {
                assert!(ticks(values, log, 6).len() < 62);
            }
            let scale = Scale::over([1.0, 2.0].into_iter(), log, 5);
            assert_eq!(scale.place(f64::NAN), None);
            assert_eq!(scale.place(f64::INFINITY), None);
        }
        assert_eq!(
            Scale::over([1.0, 2.0].into_iter(), true, 5).place(0.0),
            None
        );
    }
}
