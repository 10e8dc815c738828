//! What is done with each tool.

use crate::corpus::Corpus;
use std::time::Duration;

/// What every tool does, in turns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    /// In figures and on the command line.
    pub(crate) name: &'static str,
    /// In the report.
    pub(crate) title: &'static str,
    pub(crate) corpus: Corpus,
    pub(crate) database: Before,
    pub(crate) link: Link,
    /// How many start at the same moment.
    pub(crate) replicas: usize,
    /// What is looked at beside the time.
    pub(crate) look: Look,
    /// How often a tool that the bar does not look at does it, where that takes more than a second.
    pub(crate) others: usize,
    /// Whether it is done in a quick run.
    pub(crate) quick: bool,
}

/// What a database holds before a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    /// Nothing at all.
    Nothing,
    /// A ledger with the first migration.
    First,
    /// All migrations.
    All,
}

/// The way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Over loopback.
    Direct,
    /// Through a proxy that keeps everything for 5 ms each way, and counts.
    Slow,
}

/// What is looked at beside the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    TimeOnly,
    /// The processes' memory.
    Memory,
    /// The client's memory and the server's time.
    Server,
    /// The same, and the client's instructions.
    Costs,
    /// How often the server's log is flushed while its writer, which flushes by the clock, is kept from it.
    Flushes,
}

/// Each way.
pub(crate) const DELAY: Duration = Duration::from_millis(5);

const START: Work = Work {
    name: "start-slow-c100",
    title: "Start with nothing pending, 100 migrations, 5 ms each way",
    corpus: Corpus::C100,
    database: Before::All,
    link: Link::Slow,
    replicas: 1,
    look: Look::TimeOnly,
    others: 3,
    quick: true,
};

const APPLY: Work = Work {
    name: "apply-c100",
    title: "Apply 100 migrations to a new database",
    database: Before::Nothing,
    link: Link::Direct,
    ..START
};

const FLUSHES: Work = Work {
    name: "flushes-c100",
    title: "Apply 100 migrations to a new database, the log's writer kept quiet",
    look: Look::Flushes,
    quick: false,
    ..APPLY
};

/// In the order in which they are done: what is asked most often comes first, and what takes long comes last.
pub(crate) const WORKS: [Work; 14] = [
    START,
    Work {
        name: "start-c100",
        title: "Start with nothing pending, 100 migrations",
        link: Link::Direct,
        look: Look::Costs,
        ..START
    },
    Work {
        name: "apply-slow-c100",
        title: "Apply 100 migrations to a new database, 5 ms each way",
        link: Link::Slow,
        others: 1,
        ..APPLY
    },
    Work {
        name: "apply-slow-more",
        title: "Apply 99 migrations to a database that has the first one, 5 ms each way",
        database: Before::First,
        link: Link::Slow,
        others: 1,
        ..APPLY
    },
    APPLY,
    Work {
        name: "replicas-apply",
        title: "50 replicas start together, 100 migrations pending",
        replicas: 50,
        ..APPLY
    },
    Work {
        name: "replicas-start",
        title: "50 replicas start together, nothing pending",
        link: Link::Direct,
        replicas: 50,
        ..START
    },
    Work {
        name: "inserts",
        title: "One file of 20,000 INSERTs",
        corpus: Corpus::Inserts,
        look: Look::Memory,
        ..APPLY
    },
    Work {
        name: "large",
        title: "One file of 50 MB",
        corpus: Corpus::Large,
        look: Look::Memory,
        quick: false,
        ..APPLY
    },
    Work {
        name: "apply-c1000",
        title: "Apply 1,000 migrations to a new database",
        corpus: Corpus::C1000,
        others: 1,
        quick: false,
        ..APPLY
    },
    Work {
        name: "start-slow-c1000",
        title: "Start with nothing pending, 1,000 migrations, 5 ms each way",
        corpus: Corpus::C1000,
        quick: false,
        ..START
    },
    Work {
        name: "start-c1000",
        title: "Start with nothing pending, 1,000 migrations",
        corpus: Corpus::C1000,
        link: Link::Direct,
        look: Look::Server,
        quick: false,
        ..START
    },
    FLUSHES,
    Work {
        name: "flushes-c1000",
        title: "Apply 1,000 migrations to a new database, the log's writer kept quiet",
        corpus: Corpus::C1000,
        ..FLUSHES
    },
];
