//! Waiting for the answers to a step's messages, with an eye on what they wait for.

use crate::execute::Executor;
use crate::session::{Answer, Lost, Reply, Rows};

impl Executor<'_, '_> {
    /// Waits for a message's whole answer.
    pub(crate) async fn answer(&mut self, reply: Reply) -> Answer {
        self.read(reply, Rows::Keep).await
    }

    /// Like [`answer`](Self::answer), keeping only the last row: a migration's `SELECT` may return many.
    pub(crate) async fn outcome(&mut self, reply: Reply) -> Answer {
        self.read(reply, Rows::Last).await
    }

    /// Sends one message and waits for its answer, for as long as the server works on it.
    pub(crate) async fn ask(&mut self, sql: &str) -> Answer {
        self.send(sql, Rows::Keep).await
    }

    /// Like [`ask`](Self::ask), keeping only the last row.
    pub(crate) async fn carry_out(&mut self, sql: &str) -> Answer {
        self.send(sql, Rows::Last).await
    }

    async fn send(&mut self, sql: &str, rows: Rows) -> Answer {
        match self.session.send(sql) {
            Ok(reply) => self.read(reply, rows).await,
            Err(lost) => Answer::lost(lost),
        }
    }

    async fn read(&mut self, reply: Reply, rows: Rows) -> Answer {
        let bytes = self.session.bytes_under_way();
        let answer = self.session.read(reply, rows);
        match self.watcher.over(self.teller, bytes, answer).await {
            Ok(answer) => answer,
            Err(lost) => self.hang_up(lost),
        }
    }

    /// Nothing more is to come on this connection, whatever it looks like.
    fn hang_up(&mut self, lost: Lost) -> Answer {
        self.session.hang_up(lost.clone());
        Answer::lost(lost)
    }
}
