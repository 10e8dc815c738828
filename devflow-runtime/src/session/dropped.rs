//! What becomes of a session that is dropped in the middle of something.

use super::line::Line;
use super::{Pending, Session};
use crate::interrupt::{Cancelling, cancel_once};
use std::future::{Future, poll_fn};
use std::pin::pin;
use tokio_postgres::Client;

impl Drop for Session {
    fn drop(&mut self) {
        if self.pending.messages == 0 {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let Pending { route, token, .. } = &self.pending;
        let (route, token) = (route.clone(), token.clone());
        let _detached = match self.line.take().and_then(Line::client_of_caller) {
            // Our connection is closed; the server notices that within its check interval, and at once when it is asked.
            None => runtime.spawn(cancel_once(route, token)),
            Some(client) => {
                let cancelling = Cancelling::start(route, token);
                runtime.spawn(cancel_to_the_end(client, cancelling))
            }
        };
    }
}

/// Ends what goes on in a connection that closes only when all is answered, for it is the caller's: cancels what runs, one thing
/// after the other, and rolls back.
async fn cancel_to_the_end(client: Client, mut cancelling: Cancelling) {
    let mut rollback = pin!(client.batch_execute("ROLLBACK"));
    poll_fn(|cx| {
        let rolled_back = rollback.as_mut().poll(cx).map(drop);
        if rolled_back.is_pending() {
            cancelling.poll(cx);
        }
        rolled_back
    })
    .await;
}
