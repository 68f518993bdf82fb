//! How long work shows itself: bars on a terminal, a line every ten seconds elsewhere, or JSON lines.

use std::io::{self, Write as _};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{
    HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle,
};
use serde_json::json;

use super::ProgressMode;
use crate::progress::{Silent, Stage};

const EVERY_LINE: Duration = Duration::from_secs(10);
const EVERY_JSON: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Bars,
    Lines,
    Json,
    None,
}

/// The bars of all stages.
pub(super) struct Bars {
    style: Style,
    multi: MultiProgress,
}

impl Bars {
    pub(super) fn new(mode: ProgressMode, terminal: bool) -> Self {
        let style = match mode {
            ProgressMode::Auto if terminal => Style::Bars,
            ProgressMode::Auto => Style::Lines,
            ProgressMode::Json => Style::Json,
            ProgressMode::None => Style::None,
        };
        Self {
            style,
            multi: MultiProgress::with_draw_target(ProgressDrawTarget::stderr()),
        }
    }

    /// Runs something that prints while no bar is drawn.
    pub(super) fn suspend<T>(&self, print: impl FnOnce() -> T) -> T {
        if self.style == Style::Bars {
            self.multi.suspend(print)
        } else {
            print()
        }
    }

    pub(super) fn stage(
        &self,
        name: &str,
        total: Option<u64>,
        unit: &'static str,
    ) -> Box<dyn Stage + '_> {
        match self.style {
            Style::None => Box::new(Silent),
            Style::Bars => {
                let bar = self.multi.add(ProgressBar::new(total.unwrap_or(0)));
                bar.set_style(bar_style(total, unit));
                bar.set_message(name.to_owned());
                bar.enable_steady_tick(Duration::from_millis(120));
                let name = name.to_owned();
                Box::new(Bar { name, bar })
            }
            Style::Lines | Style::Json => {
                let json = self.style == Style::Json;
                let now = Instant::now();
                let state = Mutex::new(State {
                    done: 0,
                    told: now,
                    place: String::new(),
                });
                let lines = Lines {
                    name: name.to_owned(),
                    total,
                    unit,
                    json,
                    begun: now,
                    state,
                };
                if json {
                    lines.tell(0, "", false);
                }
                Box::new(lines)
            }
        }
    }
}

fn bar_style(total: Option<u64>, unit: &str) -> ProgressStyle {
    let template = match (total, unit) {
        (None, _) => "{spinner} {msg} {elapsed}".to_owned(),
        (Some(_), "bytes") => {
            "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {left}".to_owned()
        }
        (Some(_), unit) => {
            format!("{{msg}} {{bar:30}} {{human_pos}}/{{human_len}} {unit} {{rate}} {{left}}")
        }
    };
    let style =
        ProgressStyle::with_template(&template).unwrap_or_else(|_| ProgressStyle::default_bar());
    // Before the first unit is done there is no rate to tell the time left from. Writing to a bar does not fail.
    style
        .with_key(
            "rate",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                write!(out, "{:.1}/s", state.per_sec()).ok();
            },
        )
        .with_key(
            "left",
            |state: &ProgressState, out: &mut dyn std::fmt::Write| {
                if state.pos() > 0 {
                    write!(out, "{} left", HumanDuration(state.eta())).ok();
                }
            },
        )
}

struct Bar {
    name: String,
    bar: ProgressBar,
}

impl Stage for Bar {
    fn advance(&self, count: u64) {
        self.bar.inc(count);
    }

    fn at(&self, place: &str) {
        self.bar.set_message(format!("{} {place}", self.name));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

struct Lines {
    name: String,
    total: Option<u64>,
    unit: &'static str,
    json: bool,
    begun: Instant,
    state: Mutex<State>,
}

struct State {
    done: u64,
    told: Instant,
    place: String,
}

impl Lines {
    fn tell(&self, done: u64, place: &str, finished: bool) {
        let seconds = self.begun.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 {
            done as f64 / seconds
        } else {
            0.0
        };
        let line = if self.json {
            json!({
                "schema_version": super::SCHEMA_VERSION, "stage": self.name, "done": done, "total": self.total,
                "at": Some(place).filter(|place| !place.is_empty()), "unit": self.unit, "seconds": seconds, "per_second": rate, "finished": finished,
            })
            .to_string()
        } else {
            let of = self
                .total
                .map_or(String::new(), |total| format!(" of {total}"));
            let left = self
                .total
                .filter(|_| rate > 0.0)
                .map(|total| total.saturating_sub(done) as f64 / rate);
            let left = left.map_or(String::new(), |seconds| format!(", {seconds:.0} s left"));
            let space = if place.is_empty() { "" } else { " " };
            format!(
                "{}{space}{place}: {done}{of} {}, {rate:.0} a second{left}",
                self.name, self.unit
            )
        };
        // There is nobody left to tell when stderr is closed.
        writeln!(io::stderr(), "{line}").ok();
    }
}

impl Stage for Lines {
    fn advance(&self, count: u64) {
        let Ok(mut state) = self.state.lock() else {
            return;
        };
        state.done += count;
        let every = if self.json { EVERY_JSON } else { EVERY_LINE };
        if state.told.elapsed() >= every {
            state.told = Instant::now();
            self.tell(state.done, &state.place, false);
        }
    }

    fn at(&self, place: &str) {
        if let Ok(mut state) = self.state.lock() {
            place.clone_into(&mut state.place);
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if self.json {
            let Ok(state) = self.state.get_mut() else {
                return;
            };
            let (done, place) = (state.done, std::mem::take(&mut state.place));
            self.tell(done, &place, true);
        }
    }
}
