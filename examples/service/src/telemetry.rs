//! Where the log and the spans go.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use std::io::stderr;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::{
    Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// The log goes to stderr, as much as `log` lets through. Spans go to stdout where OTEL_TRACES_EXPORTER is `console`; an exporter that sends them to a
/// collector takes the same place. What is returned has to be shut down before the end, for it may hold spans back.
pub(crate) fn start(log: LevelFilter) -> Option<SdkTracerProvider> {
    let is_wanted = std::env::var("OTEL_TRACES_EXPORTER").is_ok_and(|name| name == "console");
    let provider = is_wanted.then(|| {
        let exporter = opentelemetry_stdout::SpanExporter::default();
        SdkTracerProvider::builder()
            .with_simple_exporter(exporter)
            .build()
    });
    let tracer = provider.as_ref().map(|provider| provider.tracer("links"));
    // The attributes of the spans would only make the lines of a log long.
    let is_shown = filter_fn(move |metadata| metadata.is_event() && *metadata.level() <= log);
    let log = fmt::layer().with_writer(stderr).with_filter(is_shown);
    tracing_subscriber::registry()
        .with(LevelFilter::INFO)
        .with(log)
        .with(tracer.map(|tracer| tracing_opentelemetry::layer().with_tracer(tracer)))
        .init();
    provider
}
