//! What a tracing subscriber gets: spans with OpenTelemetry's attributes for databases.

use crate::gate::session;
use crate::history::{migrator, run, table, tables};
use crate::service::service;
use devflow_runtime::{Error, ErrorKind, MigrationSet, Migrator, Report, Settings, TableName};
use opentelemetry::Value;
use opentelemetry::trace::{SpanKind, Status, TracerProvider as _};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use std::time::Duration;
use support::{Project, TestDatabase, on_background};
use tracing::instrument::WithSubscriber as _;
use tracing::{Instrument as _, info_span};
use tracing_subscriber::layer::SubscriberExt as _;

/// A run within a span of the caller's own, and the spans that were exported.
fn traced(migrator: Migrator, database: &TestDatabase) -> (Result<Report, Error>, Vec<SpanData>) {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone());
    let provider = provider.build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let url = database.url();
    let run = async move {
        let start = info_span!("start of the service");
        let migrate = async { migrator.spawn(&url).unwrap().wait().await };
        migrate.instrument(start).await
    };
    let outcome = on_background(run.with_subscriber(subscriber));
    provider.force_flush().unwrap();
    (outcome, exporter.get_finished_spans().unwrap())
}

fn named<'s>(spans: &'s [SpanData], name: &str) -> &'s SpanData {
    let named: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = named[..] else {
        panic!(
            "{name}: {:?}",
            spans.iter().map(|span| &span.name).collect::<Vec<_>>()
        );
    };
    span
}

fn attribute<'s>(span: &'s SpanData, key: &str) -> Option<&'s Value> {
    let mut attributes = span.attributes.iter();
    let found = attributes.find(|attribute| attribute.key.as_str() == key);
    found.map(|attribute| &attribute.value)
}

fn text(span: &SpanData, key: &str) -> String {
    attribute(span, key).map_or_else(String::new, |value| value.as_str().into_owned())
}

fn events(span: &SpanData) -> Vec<&str> {
    span.events.iter().map(|event| &*event.name).collect()
}

/// No SQL text, no URL and no password may be anywhere in what is exported.
fn assert_discreet(spans: &[SpanData], database: &TestDatabase) {
    let shown = format!("{spans:?}");
    for secret in ["CREATE TABLE", "SELECT", "ALTER TABLE", &database.url()] {
        assert!(!shown.contains(secret), "{secret} is in {shown}");
    }
}

#[test]
fn a_run_and_each_of_its_migrations_has_a_span() {
    let database = TestDatabase::create();
    let project = tables(Project::new(), 2).migration("3_bad.sql", "SELECT 1;\nSELECT 1 / 0;\n");
    let (outcome, spans) = traced(migrator(&project), &database);
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::MigrationFailed);
    let caller = named(&spans, "start of the service");
    let whole = named(&spans, "devflow migrate");
    assert_eq!(whole.parent_span_id, caller.span_context.span_id());
    assert_eq!(text(whole, "error.type"), "22012");
    let good = named(&spans, "migrate 2_table.sql");
    let bad = named(&spans, "migrate 3_bad.sql");
    for span in [whole, good, bad] {
        assert_eq!(text(span, "db.system.name"), "postgresql");
        assert_eq!(text(span, "db.operation.name"), "migrate");
        assert_eq!(text(span, "db.namespace"), database.name());
        assert_eq!(text(span, "server.address"), "127.0.0.1");
        assert!(matches!(
            attribute(span, "server.port"),
            Some(Value::I64(1..))
        ));
    }
    for span in [good, bad] {
        assert_eq!(span.parent_span_id, whole.span_context.span_id());
        assert_eq!(span.span_kind, SpanKind::Client);
        assert_eq!(attribute(span, "devflow.attempts"), Some(&Value::I64(1)));
    }
    assert_eq!(text(good, "devflow.version"), "2");
    assert_eq!(text(good, "devflow.file"), "migrations/2_table.sql");
    assert!(matches!(
        attribute(good, "devflow.execution_ms"),
        Some(Value::F64(_))
    ));
    assert_eq!(
        (good.status.clone(), attribute(good, "error.type")),
        (Status::Unset, None)
    );
    assert!(matches!(bad.status, Status::Error { .. }));
    assert_eq!(text(bad, "error.type"), "22012");
    assert_eq!(text(bad, "db.response.status_code"), "22012");
    assert_eq!(attribute(bad, "devflow.statement"), Some(&Value::I64(2)));
    assert!(events(bad).contains(&"applying"), "{:?}", events(bad));
    assert_discreet(&spans, &database);
}

/// The first attempt loses its wait for the table.
#[test]
fn a_wait_and_the_attempt_after_it_are_events_of_the_migration() {
    let database = TestDatabase::create();
    run(migrator(&tables(Project::new(), 1)), &database.url()).unwrap();
    let project = tables(Project::new(), 1);
    let alter = format!("ALTER TABLE m_1 ADD x integer;\n{}", table(2));
    let project = project.migration("2_alter.sql", &alter);
    let set = MigrationSet::read(&project.path().join("migrations"), "migrations").unwrap();
    let settings = Settings {
        lock_timeout: Some(Duration::from_millis(600)),
        ..Settings::default()
    };
    let migrator = Migrator::with_set(set, TableName::default(), settings);
    let blocker = session(
        &database,
        "BEGIN; LOCK TABLE m_1; SET idle_in_transaction_session_timeout = 900",
    );
    let (outcome, spans) = traced(migrator, &database);
    drop(blocker);
    assert_eq!(outcome.unwrap().steps.len(), 1);
    let span = named(&spans, "migrate 2_alter.sql");
    let Some(Value::I64(attempts @ 2..)) = attribute(span, "devflow.attempts") else {
        panic!("{span:?}");
    };
    let events = events(span);
    let sent = events.iter().filter(|event| **event == "applying").count();
    assert_eq!(i64::try_from(sent), Ok(*attempts), "{events:?}");
    assert!(
        events
            .iter()
            .any(|event| event.starts_with("waits for ACCESS EXCLUSIVE")),
        "{events:?}"
    );
    assert!(
        events.iter().any(|event| event.ends_with("trying again")),
        "{events:?}"
    );
    assert_eq!(span.status, Status::Unset);
    assert_discreet(&spans, &database);
}

#[test]
fn the_example_shows_its_spans() {
    let database = TestDatabase::create();
    let service = service(&database, &["migrate"]);
    let outcome = service
        .env("OTEL_TRACES_EXPORTER", "console")
        .run()
        .expect(0);
    for text in [
        "devflow migrate",
        "migrate 0001_create_links.sql",
        "db.system.name",
        "postgresql",
    ] {
        assert!(outcome.stdout.contains(text), "{}", outcome.stdout);
    }
    assert!(
        !outcome.stderr.contains("db.system.name"),
        "{}",
        outcome.stderr
    );
}
