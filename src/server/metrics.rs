//! Metrics: `GET /metrics`, for the machine's owner. Counts only, never a name or an id.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = [(&'static str, String); 1];

pub struct Metrics {
    registry: Registry,
    pub commands: Family<Labels, Counter>,
    pub observations: Family<Labels, Counter>,
    pub refused_sign_ins: Family<Labels, Counter>,
    pub streams: Gauge,
    pub streams_cut: Counter,
    pub head: Gauge<u64, AtomicU64>,
    pub storing: Gauge,
    pub notes_waiting: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("vagttavle");
        let commands = Family::default();
        let (observations, refused_sign_ins) = (Family::default(), Family::default());
        let (streams, streams_cut, head) = (Gauge::default(), Counter::default(), Gauge::default());
        let (storing, notes_waiting) = (Gauge::default(), Gauge::default());
        registry.register("commands", "Commands answered, by outcome", commands.clone());
        registry.register("observations", "Observations answered, by outcome", observations.clone());
        let help = "Requests of those who could not sign in, by why";
        registry.register("refused_sign_ins", help, refused_sign_ins.clone());
        registry.register("streams", "Open streams", streams.clone());
        registry.register("streams_cut", "Streams cut because the reader was too slow", streams_cut.clone());
        registry.register("head", "Sequence of the last record", head.clone());
        registry.register("storing", "1 while the log can be written", storing.clone());
        registry.register("notes_waiting", "Notes waiting for the care system", notes_waiting.clone());
        Self {
            registry,
            commands,
            observations,
            refused_sign_ins,
            streams,
            streams_cut,
            head,
            storing,
            notes_waiting,
        }
    }
}

impl Metrics {
    pub fn command(&self, outcome: &str) {
        self.commands.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    pub fn observation(&self, outcome: &str) {
        self.observations.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    pub fn refused_sign_in(&self, why: &str) {
        self.refused_sign_ins.get_or_create(&[("why", why.to_owned())]).inc();
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}
