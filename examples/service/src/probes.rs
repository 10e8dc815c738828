//! What an orchestrator asks: is the service alive, and is it ready?

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use devflow_runtime::RunState;
use tokio::sync::watch::Receiver;

/// `/healthz` is answered from the start, so that no liveness probe ends a long migration. The routes, `/readyz` among
/// them, are open once the database is up to date; until then they say how far it is.
pub(crate) fn around(routes: Router, migration: Receiver<RunState>) -> Router {
    routes
        .layer(from_fn_with_state(migration, once_migrated))
        .route("/healthz", get(async || "ok\n"))
}

async fn once_migrated(
    State(migration): State<Receiver<RunState>>,
    request: Request,
    next: Next,
) -> Response {
    let state = migration.borrow().clone();
    match state.is_done() {
        true => next.run(request).await,
        false => (StatusCode::SERVICE_UNAVAILABLE, format!("{state}\n")).into_response(),
    }
}
