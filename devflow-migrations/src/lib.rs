//! What a devflow migration is: how its file is named, read, hashed and checked, and how a set of them is planned
//! against a ledger.
//!
//! ```
//! use devflow_migrations::{Ledger, MigrationSet, Policy, Version, plan};
//!
//! assert!(Version::parse("2")? < Version::parse("10")?);
//!
//! let (files, ledger) = (MigrationSet::default(), Ledger::default());
//! let plan = plan(&files, &ledger, Policy::default(), None);
//! assert!(plan.steps().is_empty() && plan.into_clean().is_ok());
//! # Ok::<(), devflow_migrations::InvalidVersion>(())
//! ```
//!
//! This crate opens no connection: planning is a pure function of the files and the ledger's rows, and the compiler
//! proves it. Build time (the macro) and run time (the CLI) use this one reader, and [`plan`] is the only planner.
//!
//! # Source
//!
//! A [`MigrationSet`] comes from a directory (`MigrationSet::read`, feature `check`) or from [`Migrations`], which the macro
//! emits. Every file's text is canonical ([`Text`]), its [`Checksum`] covers that text, and its [`Mode`] says whether it runs
//! in a transaction. What is wrong is a [`SourceError`]: every [`Problem`] at once, each with its place and a stable code.
//!
//! # Plan
//!
//! A [`Plan`] holds the pending [`Step`]s and every [`Finding`]. Only [`Plan::into_clean`] makes a [`CleanPlan`], and it
//! lets no refused finding through: what has drifted cannot be executed by mistake.
//!
//! # Features
//!
//! Both are off by default, so that they stay out of a service's binary:
//! * `check`: reading a directory and checking its SQL, and what a binary lists,
//! * `config`: reading devflow.yml.

mod action;
#[cfg(feature = "check")]
mod check;
mod checksum;
#[cfg(feature = "config")]
mod config;
#[cfg(any(feature = "check", feature = "config"))]
mod duration;
#[cfg(feature = "check")]
mod effect;
mod entry;
mod event;
mod fields;
mod finding;
mod ledger;
mod limits;
#[cfg(feature = "check")]
mod manifest;
mod migration;
mod migrations;
mod name;
mod packed;
mod plan;
mod problem;
mod repair;
mod set;
mod settings;
pub mod supabase;
mod tables;
mod text;
mod unit;
mod unread;
mod version;

pub use action::{Action, ActionKind};
#[cfg(feature = "check")]
pub use check::{EffectReader, effects};
pub use checksum::Checksum;
#[cfg(feature = "config")]
pub use config::{Approval, Config, Environment, Format, MigrationsConfig, nearest};
#[cfg(any(feature = "check", feature = "config"))]
pub use duration::parse as parse_duration;
#[cfg(feature = "check")]
pub use effect::{Blocked, Effect, EffectVerb, Lock, LockMode, Locked, Toll};
pub use event::LedgerEvent;
pub use finding::{Finding, FindingKind, Obstacle, Severity, Skew};
pub use ledger::{Damage, Ledger, LedgerRow, VersionHistory};
pub use limits::Limits;
#[cfg(feature = "check")]
pub use manifest::Manifest;
pub use migration::{Migration, Mode, Wrapper};
#[doc(hidden)]
pub use migrations::EmbeddedSettings;
pub use migrations::Migrations;
pub use name::{Direction, FileName, InvalidName};
pub use plan::{
    CleanPlan, Difference, Plan, PlanContents, PlanDigest, PlanPlace, PlannedStep, Policy, Resume,
    Step, Verb, plan, plan_adopt, plan_baseline, plan_revert,
};
pub use problem::{Problem, SourceError};
pub use repair::{Correction, Decision, Repair, RepairPlan, Standing, Unfit, plan_repair};
pub use set::{DuplicateVersion, MigrationSet};
pub use settings::{
    Ahead, InvalidTableName, LedgerKind, Missing, OutOfOrder, Pooler, Settings, TableName,
};
pub use tables::Tables;
pub use text::{EncodingProblem, Position, Span, Text};
pub use unit::{Conduct, Fingerprint, Progress, Unit};
pub use version::{InvalidVersion, MAX_DIGITS, Version};

/// What the macro's output names; not for anybody else.
#[doc(hidden)]
pub mod __private {
    pub use crate::{Ahead, EmbeddedSettings, LedgerKind, Migrations, Missing, OutOfOrder, Pooler};
}
