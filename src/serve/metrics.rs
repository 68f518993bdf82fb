//! What Prometheus is told. No label holds anything that a client chooses.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use super::live::{Live, process_bytes};

/// Seconds at which a request's time is counted.
const SECONDS: [f64; 14] = [
    0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 10.0,
];

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    store: Arc<str>,
    route: &'static str,
    code: u16,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Place {
    store: Arc<str>,
    route: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfStore {
    store: String,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Outcome {
    store: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Failure {
    store: String,
    reason: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Info {
    store: String,
    version: String,
    model: String,
}

/// Counts of requests.
pub(super) struct Metrics {
    requests: Family<Request, Counter>,
    durations: Family<Place, Histogram, fn() -> Histogram>,
}

fn histogram() -> Histogram {
    Histogram::new(SECONDS)
}

impl Metrics {
    pub(super) fn new() -> Self {
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
        }
    }

    /// Counts a request.
    pub(super) fn count(&self, store: &Arc<str>, route: &'static str, code: u16, begun: Instant) {
        let place = Place {
            store: store.clone(),
            route,
        };
        self.durations
            .get_or_create(&place)
            .observe(begun.elapsed().as_secs_f64());
        let request = Request {
            store: store.clone(),
            route,
            code,
        };
        self.requests.get_or_create(&request).inc();
    }

    /// Everything as Prometheus reads it.
    pub(super) fn text(&self, lives: &[Live], waiting: usize) -> Result<String, fmt::Error> {
        let mut registry = Registry::with_prefix("ragctl");
        registry.register("requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "request_duration",
            "From a request's header to its answer",
            Unit::Seconds,
            self.durations.clone(),
        );
        let depth: Gauge = Gauge::default();
        depth.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        registry.register("queue_depth", "Tasks that wait for a thread", depth);
        let memory: Gauge = Gauge::default();
        memory.set(i64::try_from(process_bytes()).unwrap_or(i64::MAX));
        registry.register(
            "process_resident_memory_bytes",
            "Memory of the process",
            memory,
        );
        of_lives(&mut registry, lives);
        let mut out = String::new();
        text::encode(&mut out, &registry)?;
        Ok(out)
    }
}

/// How the following of each store goes.
fn of_lives(registry: &mut Registry, lives: &[Live]) {
    let (reloads, failures) = (
        Family::<Outcome, Counter>::default(),
        Family::<Failure, Counter>::default(),
    );
    let info = Family::<Info, Gauge>::default();
    let of_store = Family::<OfStore, Gauge>::default;
    let (degraded, created, generation) = (of_store(), of_store(), of_store());
    let (resident, versions) = (of_store(), of_store());
    let seconds = Family::<OfStore, Gauge<f64, AtomicU64>>::default;
    let (stale, took) = (seconds(), seconds());
    for live in lives {
        let status = live.status();
        let store = live.name().to_owned();
        let label = OfStore {
            store: store.clone(),
        };
        let failed: u64 = status.failures.values().sum();
        let outcomes = [
            ("served", status.reloads),
            ("superseded", status.superseded),
            ("failed", failed),
        ];
        for (outcome, count) in outcomes {
            let store = store.clone();
            reloads
                .get_or_create(&Outcome { store, outcome })
                .inc_by(count);
        }
        for (reason, count) in status.failures {
            let store = store.clone();
            failures
                .get_or_create(&Failure { store, reason })
                .inc_by(count);
        }
        degraded
            .get_or_create(&label)
            .set(i64::from(status.degraded.is_some()));
        stale.get_or_create(&label).set(
            status
                .stale_since
                .map_or(0.0, |since| since.elapsed().as_secs_f64()),
        );
        took.get_or_create(&label).set(status.took.as_secs_f64());
        versions
            .get_or_create(&label)
            .set(i64::try_from(status.versions).unwrap_or(0));
        let Ok(served) = live.pick(None) else {
            continue;
        };
        let manifest = served.manifest();
        info.get_or_create(&Info {
            store,
            version: served.name(),
            model: manifest.space.model.clone(),
        })
        .set(1);
        created
            .get_or_create(&label)
            .set(manifest.created.as_second());
        let number = served.generation().unwrap_or(0);
        generation
            .get_or_create(&label)
            .set(i64::try_from(number).unwrap_or(i64::MAX));
        let bytes = served.table.resident().map_or(0, |rows| rows.bytes());
        resident
            .get_or_create(&label)
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
    registry.register(
        "reloads",
        "Versions loaded, by what became of them",
        reloads,
    );
    registry.register(
        "reload_failures",
        "Versions that could not be served",
        failures,
    );
    registry.register("version_info", "The version that answers", info);
    registry.register(
        "degraded",
        "Whether what the channel names does not answer",
        degraded,
    );
    registry.register(
        "version_created_timestamp_seconds",
        "When the version that answers was built",
        created,
    );
    registry.register("generation", "The channel's count of releases", generation);
    registry.register(
        "staleness_seconds",
        "How long the channel has named another version",
        stale,
    );
    registry.register(
        "reload_duration_seconds",
        "How long the last load took",
        took,
    );
    registry.register("resident_bytes", "Memory of the rows that answer", resident);
    registry.register("versions", "Versions that are loaded", versions);
}
