//! The links: what the service is for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use deadpool_postgres::{Config, Pool, Runtime};
use serde::{Deserialize, Serialize};
use tokio_postgres::{NoTls, Row};
use tracing::error;

/// A link, as it is kept.
#[derive(Serialize)]
struct Link {
    id: i64,
    url: String,
    title: String,
    tags: Vec<String>,
}

/// A link, as it is handed in.
#[derive(Deserialize)]
struct NewLink {
    url: String,
    title: Option<String>,
    #[serde(default)]
    tags: Vec<String>,
}

/// The routes, over a pool that connects when it is first used.
///
/// The pool speaks plain TCP; a server that asks for TLS needs a connector in the place of `NoTls`.
pub(crate) fn routes(database_url: &str) -> anyhow::Result<Router> {
    let mut config = Config::new();
    config.url = Some(database_url.to_owned());
    let pool = config.create_pool(Some(Runtime::Tokio1), NoTls)?;
    Ok(Router::new()
        .route("/readyz", get(readyz))
        .route("/links", get(list).post(add))
        .with_state(pool))
}

/// Whether the service can do its work: its database answers.
async fn readyz(State(pool): State<Pool>) -> Result<&'static str, Failure> {
    pool.get().await?.simple_query("select 1").await?;
    Ok("ready\n")
}

async fn list(State(pool): State<Pool>) -> Result<Json<Vec<Link>>, Failure> {
    let query = "select id, url, title, tags from tagged_links order by id";
    let rows = pool.get().await?.query(query, &[]).await?;
    Ok(Json(rows.iter().map(Link::from).collect()))
}

async fn add(
    State(pool): State<Pool>,
    Json(new): Json<NewLink>,
) -> Result<(StatusCode, Json<Link>), Failure> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let title = new.title.as_ref().unwrap_or(&new.url);
    let insert = "insert into links (url, title) values ($1, $2) returning id";
    let row = transaction.query_one(insert, &[&new.url, title]).await?;
    let id: i64 = row.get("id");
    let insert = "insert into tags (link_id, name) select distinct $1::bigint, unnest($2::text[])";
    transaction.execute(insert, &[&id, &new.tags]).await?;
    let query = "select id, url, title, tags from tagged_links where id = $1";
    let link = transaction.query_one(query, &[&id]).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(Link::from(&link))))
}

impl From<&Row> for Link {
    fn from(row: &Row) -> Self {
        Self {
            id: row.get("id"),
            url: row.get("url"),
            title: row.get("title"),
            tags: row.get("tags"),
        }
    }
}

/// Why a request was not answered: told to the log, and to the client in one word.
enum Failure {
    /// What was handed in breaks one of the schema's rules.
    Refused,
    /// The database did not do its part.
    Database(anyhow::Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        const INTEGRITY_CONSTRAINT_VIOLATION: &str = "23";
        match error.code() {
            Some(state) if state.code().starts_with(INTEGRITY_CONSTRAINT_VIOLATION) => {
                Self::Refused
            }
            _ => Self::Database(error.into()),
        }
    }
}

impl From<deadpool_postgres::PoolError> for Failure {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        Self::Database(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            Self::Database(cause) => {
                error!("{cause:#}");
                StatusCode::SERVICE_UNAVAILABLE.into_response()
            }
        }
    }
}
