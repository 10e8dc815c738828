//! What a tracing subscriber is told, by OpenTelemetry's names: a span for the run, and one for each of its migrations.

use crate::error::{Error, Result};
use crate::report::{Place, StepFailure, StepReport};
use devflow_migrations::{Migration, Version};
use tracing::field::Empty;
use tracing::{Instrument as _, Span, info_span};

/// The span of a run, and those of the migrations that were sent and have not ended.
pub(crate) struct Spans {
    verb: &'static str,
    run: Span,
    place: Place,
    migrations: Vec<Open>,
}

/// The span of one migration, all its attempts together.
struct Open {
    version: Version,
    span: Span,
    attempts: u32,
}

impl Spans {
    pub(crate) fn new(verb: &'static str, run: &str) -> Self {
        let span = info_span!(
            "devflow",
            run,
            "otel.name" = format!("devflow {verb}"),
            "db.system.name" = "postgresql",
            "db.operation.name" = verb,
            "db.namespace" = Empty,
            "server.address" = Empty,
            "server.port" = Empty,
            "error.type" = Empty,
            "db.response.status_code" = Empty,
            "otel.status_code" = Empty,
        );
        Self {
            run: span,
            verb,
            ..Self::none()
        }
    }

    /// For work that is nobody's run.
    pub(crate) fn none() -> Self {
        Self {
            verb: "",
            run: Span::none(),
            place: Place::default(),
            migrations: Vec::new(),
        }
    }

    pub(crate) fn run(&self) -> Span {
        self.run.clone()
    }

    /// The span of a migration that has not ended, or else of the run.
    pub(crate) fn of(&self, version: Option<&Version>) -> &Span {
        let open = self.migrations.iter();
        let mut open = open.filter(|open| Some(&open.version) == version);
        open.next().map_or(&self.run, |open| &open.span)
    }

    pub(crate) fn connected(&mut self, place: &Place) {
        let (address, port) = address(&place.server);
        self.run.record("db.namespace", &*place.database);
        self.run.record("server.address", address);
        self.run.record("server.port", port);
        self.place = place.clone();
    }

    /// A migration is sent: for the first time, or once more.
    pub(crate) fn sent(&mut self, migration: &Migration) {
        let version = migration.version();
        let mut open = self.migrations.iter();
        if !open.any(|open| open.version == *version) {
            let span = self.migration(migration);
            self.migrations.push(Open {
                version: version.clone(),
                span,
                attempts: 1,
            });
        }
    }

    fn migration(&self, migration: &Migration) -> Span {
        let (address, port) = address(&self.place.server);
        info_span!(
            parent: &self.run,
            "migration",
            "otel.name" = format!("{} {}", self.verb, migration.file()),
            "otel.kind" = "client",
            "db.system.name" = "postgresql",
            "db.operation.name" = self.verb,
            "db.namespace" = self.place.database,
            "server.address" = address,
            "server.port" = port,
            "devflow.version" = %migration.version(),
            "devflow.file" = migration.path(),
            "devflow.attempts" = Empty,
            "devflow.execution_ms" = Empty,
            "devflow.statement" = Empty,
            "error.type" = Empty,
            "db.response.status_code" = Empty,
            "otel.status_code" = Empty,
        )
    }

    pub(crate) fn retried(&mut self, migration: &Migration, attempt: u32) {
        let open = self.migrations.iter_mut();
        for open in open.filter(|open| open.version == *migration.version()) {
            open.attempts = attempt;
        }
    }

    pub(crate) fn committed(&mut self, step: &StepReport) {
        if let Some(open) = self.take(&step.version) {
            open.span.record("devflow.execution_ms", step.execution_ms);
        }
    }

    /// The migrations that have not ended will not: one of them failed, or none did.
    pub(crate) fn end(&mut self, failure: Option<&StepFailure>) {
        if let Some(failure) = failure
            && let Some(Open { span, .. }) = self.take(&failure.version)
        {
            let statement = failure
                .statement
                .and_then(|number| i64::try_from(number).ok());
            span.record("devflow.statement", statement);
            let sqlstate = failure.sqlstate.as_deref();
            record_failure(&span, sqlstate, "interrupted");
        }
        self.migrations.clear();
    }

    fn take(&mut self, version: &Version) -> Option<Open> {
        let mut open = self.migrations.iter();
        let at = open.position(|open| open.version == *version)?;
        let open = self.migrations.remove(at);
        open.span
            .record("devflow.attempts", i64::from(open.attempts));
        Some(open)
    }
}

/// Drives a verb in its run's span, which says how it failed. A large one comes boxed, for it is held twice here.
pub(crate) async fn within<T>(span: Span, verb: impl Future<Output = Result<T>>) -> Result<T> {
    let outcome = verb.instrument(span.clone()).await;
    if let Err(error) = &outcome {
        record_failure(&span, sqlstate(error), error.code());
    }
    outcome
}

fn sqlstate(error: &Error) -> Option<&str> {
    error.failure()?.sqlstate.as_deref()
}

/// The server's SQLSTATE says what went wrong, or else a word of ours.
fn record_failure(span: &Span, sqlstate: Option<&str>, otherwise: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", sqlstate.unwrap_or(otherwise));
    span.record("db.response.status_code", sqlstate);
}

/// The host and port; a socket has no port.
fn address(server: &str) -> (&str, Option<i64>) {
    let parts = server.rsplit_once(':');
    let parts = parts.and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match parts {
        Some((host, port)) => (host.trim_matches(['[', ']']), Some(port.into())),
        None => (server, None),
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_server_is_its_address_and_its_port() {
        assert_eq!(address("db.example:5433"), ("db.example", Some(5433)));
        assert_eq!(address("[::1]:5432"), ("::1", Some(5432)));
        let socket = "/run/postgresql/.s.PGSQL.5432";
        assert_eq!(address(socket), (socket, None));
    }
}
