//! Each recipe on a database of its own: the pool finds the tables, and no session of devflow's is left.

use example_recipes::{
    bb8, deadpool, diesel as by_diesel, lent, sea_orm as by_sea_orm, sqlx as by_sqlx,
};
use sea_orm::ConnectionTrait;
use support::{TestDatabase, wait_until};

const INSERT: &str =
    "insert into links (url, title) values ('https://www.postgresql.org', 'PostgreSQL')";

fn config(database: &TestDatabase) -> tokio_postgres::Config {
    database.url().parse().unwrap()
}

fn assert_migrated(database: &TestDatabase) {
    assert_eq!(database.events().len(), 4);
    assert_eq!(database.value("select count(*) from links"), "1");
    let ours = "select count(*) from pg_stat_activity \
                where datname = current_database() and application_name like 'devflow %'";
    wait_until("its session is over", || database.value(ours) == "0");
}

#[tokio::test]
async fn deadpool_finds_the_tables() {
    let database = TestDatabase::create();
    let pool = deadpool::start(config(&database)).await.unwrap();
    let client = pool.get().await.unwrap();
    assert_eq!(client.execute(INSERT, &[]).await.unwrap(), 1);
    assert_migrated(&database);
}

#[tokio::test]
async fn bb8_finds_the_tables() {
    let database = TestDatabase::create();
    let pool = bb8::start(config(&database)).await.unwrap();
    let client = pool.get().await.unwrap();
    assert_eq!(client.execute(INSERT, &[]).await.unwrap(), 1);
    assert_migrated(&database);
}

#[tokio::test]
async fn sqlx_finds_the_tables() {
    let database = TestDatabase::create();
    let pool = by_sqlx::start(&database.url()).await.unwrap();
    let done = sqlx::query(INSERT).execute(&pool).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    assert_migrated(&database);
}

#[tokio::test]
async fn a_pool_of_sqlx_says_where_to_migrate() {
    let database = TestDatabase::create();
    let pool = sqlx::PgPool::connect(&database.url()).await.unwrap();
    by_sqlx::migrate(&pool).await.unwrap();
    let _done = sqlx::query(INSERT).execute(&pool).await.unwrap();
    assert_migrated(&database);
}

#[tokio::test]
async fn diesel_finds_the_tables() {
    // Only here: it gives every type an `execute`.
    use diesel_async::RunQueryDsl;

    let database = TestDatabase::create();
    let pool = by_diesel::start(&database.url()).await.unwrap();
    let mut connection = pool.get().await.unwrap();
    let done = diesel::sql_query(INSERT).execute(&mut connection).await;
    assert_eq!(done.unwrap(), 1);
    assert_migrated(&database);
}

#[tokio::test]
async fn a_connection_that_is_there_is_enough() {
    let database = TestDatabase::create();
    let config = config(&database);
    let connect = || async {
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    };
    lent::migrate(connect().await, &config).await.unwrap();
    assert_eq!(connect().await.execute(INSERT, &[]).await.unwrap(), 1);
    assert_migrated(&database);
}

#[tokio::test]
async fn sea_orm_finds_the_tables_and_its_pool_says_where_to_migrate() {
    let database = TestDatabase::create();
    let connection = by_sea_orm::start(&database.url()).await.unwrap();
    let done = connection.execute_unprepared(INSERT).await.unwrap();
    assert_eq!(done.rows_affected(), 1);
    let pool = connection.get_postgres_connection_pool();
    by_sqlx::migrate(pool).await.unwrap();
    assert_migrated(&database);
}
