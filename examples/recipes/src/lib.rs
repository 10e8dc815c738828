//! One recipe for each driver: how a service migrates before it opens its own pool.
//!
//! devflow brings a short connection of its own: what it sets in a session, its advisory lock and its limits never reach
//! one that the pool keeps, and the pool's size, hooks and time limits do not reach a migration.

pub mod bb8;
pub mod deadpool;
pub mod diesel;
pub mod lent;
pub mod sea_orm;
pub mod sqlx;

use devflow_runtime::{Migrations, embed_migrations};

/// The migrations, which every recipe takes from the example service.
pub static MIGRATIONS: Migrations = embed_migrations!("../service/migrations");
