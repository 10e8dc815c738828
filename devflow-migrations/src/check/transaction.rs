//! The transaction rules: how a file runs, and what it may not contain.

use super::directive::Directives;
use super::fault::Fault;
use super::kind::Kind;
use super::refusal::{lock_droppers, refused};
use super::statement::Statement;
use crate::migration::{Mode, Wrapper};
use crate::settings::LedgerKind;
use crate::text::Span;

/// How a file runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) mode: Mode,
    pub(crate) wrapper: Option<Wrapper>,
}

/// A statement that transactions care about.
#[derive(Debug, Clone, Copy)]
struct Marked {
    statement: Statement,
    kind: Kind,
    index: usize,
}

/// Decides how a file runs, and adds a fault for each statement that cannot run so.
pub(crate) fn shape(
    text: &str,
    statements: &[Statement],
    directives: &Directives,
    ledger: LedgerKind,
    faults: &mut Vec<Fault>,
) -> Shape {
    let mut marked = mark(text, statements);
    settle_subscriptions(&mut marked);
    faults.extend(marked.iter().filter_map(|m| refused(m.kind, m.statement)));
    let mode = if directives.no_transaction || runs_alone(&marked, statements.len()) {
        Mode::NoTransaction
    } else if ledger == LedgerKind::Supabase && commits_itself(&marked, statements.len()) {
        Mode::OwnTransactions
    } else {
        Mode::Transaction
    };
    let wrapper = match mode {
        Mode::Transaction => transactional(&marked, statements.len(), faults),
        Mode::NoTransaction | Mode::OwnTransactions => {
            outside(&marked, faults);
            faults.extend(lock_droppers(text, statements));
            None
        }
    };
    Shape { mode, wrapper }
}

fn mark(text: &str, statements: &[Statement]) -> Vec<Marked> {
    let marked = |(index, &statement): (usize, &Statement)| {
        let kind = Kind::of(&text[statement.span.range()]);
        (kind != Kind::Plain).then_some(Marked {
            statement,
            kind,
            index,
        })
    };
    statements.iter().enumerate().filter_map(marked).collect()
}

/// A subscription without a slot can be dropped in a transaction block, any other cannot.
fn settle_subscriptions(marked: &mut Vec<Marked>) {
    let released = marked.iter().any(|m| m.kind == Kind::ReleaseSlot);
    marked
        .retain(|m| m.kind != Kind::ReleaseSlot && !(released && m.kind == Kind::DropSubscription));
    for one in marked {
        if one.kind == Kind::DropSubscription {
            one.kind = Kind::Alone("DROP SUBSCRIPTION with a slot");
        }
    }
}

/// Whether every statement has to run outside a transaction, but for settings beside them.
fn runs_alone(marked: &[Marked], statements: usize) -> bool {
    let alone = |m: &Marked| matches!(m.kind, Kind::Alone(_));
    marked.len() == statements
        && marked.iter().any(alone)
        && marked.iter().all(|m| alone(m) || m.kind == Kind::Setting)
}

/// Whether the file begins or ends transactions, otherwise than by one block around everything.
fn commits_itself(marked: &[Marked], statements: usize) -> bool {
    marked.iter().any(|m| is_control(m.kind)) && wrapper(marked, statements).is_none()
}

/// The rules of a file that runs in devflow's transaction; the wrapper, where there is one.
fn transactional(marked: &[Marked], statements: usize, faults: &mut Vec<Fault>) -> Option<Wrapper> {
    let wrapper = wrapper(marked, statements);
    let inner = match wrapper {
        Some(_) => &marked[1..marked.len() - 1],
        None => marked,
    };
    faults.extend(inner.iter().filter_map(|m| {
        let offset = m.statement.span.start;
        match m.kind {
            Kind::Begin { modes: true } => Some(begin_with_modes(offset)),
            Kind::Begin { modes: false } => Some(control(offset, "BEGIN")),
            Kind::Commit { .. } => Some(control(offset, "COMMIT")),
            Kind::Rollback { .. } => Some(control(offset, "ROLLBACK")),
            Kind::PrepareTransaction => Some(control(offset, "PREPARE TRANSACTION")),
            Kind::Alone(name) => Some(not_in_transaction(offset, name, wrapper.is_some())),
            _ => None,
        }
    }));
    wrapper
}

/// `BEGIN; … COMMIT;` around everything else, and no other transaction control between them.
fn wrapper(marked: &[Marked], statements: usize) -> Option<Wrapper> {
    let [first, inner @ .., last] = marked else {
        return None;
    };
    let outermost = first.index == 0 && last.index + 1 == statements;
    let plain =
        first.kind == Kind::Begin { modes: false } && last.kind == Kind::Commit { chain: false };
    if !outermost || !plain || inner.iter().any(|m| is_control(m.kind)) {
        return None;
    }
    Some(Wrapper {
        begin: whole(first.statement),
        commit: whole(last.statement),
    })
}

/// The statement with its semicolon.
fn whole(statement: Statement) -> Span {
    Span {
        start: statement.span.start,
        end: statement.end,
    }
}

fn is_control(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Begin { .. } | Kind::Commit { .. } | Kind::Rollback { .. } | Kind::PrepareTransaction
    )
}

fn control(offset: usize, name: &str) -> Fault {
    Fault::new(
        offset,
        "transaction_control",
        format!("{name} in a file that devflow runs in a transaction of its own"),
    )
    .help(
        "take it out; only one `BEGIN; … COMMIT;` around the whole file is understood, or begin the file with \
         `-- devflow: no-transaction` and keep its own blocks",
    )
}

fn begin_with_modes(offset: usize) -> Fault {
    Fault::new(
        offset,
        "begin_with_modes",
        "BEGIN with modes: devflow's own transaction is READ COMMITTED READ WRITE",
    )
    .help(
        "take the modes out, or begin the file with `-- devflow: no-transaction` and keep its own block",
    )
}

fn not_in_transaction(offset: usize, name: &str, wrapped: bool) -> Fault {
    let (place, help) = if wrapped {
        (
            "stands between BEGIN and COMMIT",
            "take BEGIN and COMMIT out, or move the statement to a file of its own",
        )
    } else {
        (
            "stands beside statements that run in one",
            "move it to a file of its own, or begin this file with `-- devflow: no-transaction`: then each statement \
             runs on its own, and those before a failure stay",
        )
    };
    Fault::new(
        offset,
        "not_in_transaction",
        format!("PostgreSQL refuses {name} in a transaction, and it {place}"),
    )
    .help(help)
}

/// The rules of a file whose statements run one by one; it may hold transaction blocks of its own.
fn outside(marked: &[Marked], faults: &mut Vec<Fault>) {
    let mut block: Option<usize> = None;
    for one in marked {
        let offset = one.statement.span.start;
        match one.kind {
            Kind::Begin { .. } => block = block.or(Some(offset)),
            Kind::Commit { chain } | Kind::Rollback { chain } => block = block.filter(|_| chain),
            Kind::PrepareTransaction => block = None,
            Kind::Alone(name) if block.is_some() => {
                faults.push(not_in_transaction(offset, name, true))
            }
            _ => {}
        }
    }
    faults.extend(block.map(|offset| {
        Fault::new(
            offset,
            "open_transaction",
            "the file ends inside the transaction block that begins here",
        )
        .help("end the block with COMMIT, which AND CHAIN does not do")
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::statement::split;

    const OURS: LedgerKind = LedgerKind::Devflow;

    fn look(text: &str) -> (Shape, Vec<&'static str>) {
        shaped(text, &Directives::default(), OURS)
    }

    fn look_on_supabase(text: &str) -> (Shape, Vec<&'static str>) {
        shaped(text, &split(text).directives, LedgerKind::Supabase)
    }

    fn look_outside(text: &str) -> Vec<&'static str> {
        let directives = split("-- devflow: no-transaction").directives;
        let (shape, codes) = shaped(text, &directives, OURS);
        assert_eq!(shape.mode, Mode::NoTransaction);
        assert_eq!(shape.wrapper, None);
        codes
    }

    fn shaped(
        text: &str,
        directives: &Directives,
        ledger: LedgerKind,
    ) -> (Shape, Vec<&'static str>) {
        let mut faults = Vec::new();
        let statements = split(text).statements;
        let shape = shape(text, &statements, directives, ledger, &mut faults);
        (shape, faults.iter().map(|fault| fault.code).collect())
    }

    #[test]
    fn one_block_around_everything_is_a_wrapper() {
        for (text, begin, commit) in [
            ("begin; select 1; commit;", "begin;", "commit;"),
            (
                "-- a\nBEGIN WORK ;\nselect 1;\nEND TRANSACTION ; -- b",
                "BEGIN WORK ;",
                "END TRANSACTION ;",
            ),
            (
                "start transaction; savepoint a; rollback to a; commit",
                "start transaction;",
                "commit",
            ),
            (
                "begin; commit and no chain;",
                "begin;",
                "commit and no chain;",
            ),
            (
                "begin; do $$ begin commit; end $$; set x = 1; end;",
                "begin;",
                "end;",
            ),
        ] {
            let (shape, codes) = look(text);
            assert_eq!(codes, [""; 0], "{text}");
            let wrapper = shape.wrapper.expect(text);
            assert_eq!(&text[wrapper.begin.range()], begin);
            assert_eq!(&text[wrapper.commit.range()], commit);
            assert_eq!(shape.mode, Mode::Transaction);
        }
    }

    #[test]
    fn other_transaction_control_is_refused() {
        let control = "transaction_control";
        let table: [(&str, &[&str]); 14] = [
            ("select 1; commit; select 2", &[control]),
            ("rollback", &[control]),
            ("abort; select 1", &[control]),
            ("end", &[control]),
            ("begin; select 1", &[control]),
            ("begin; select 1; rollback", &[control; 2]),
            ("begin; select 1; commit and chain", &[control; 2]),
            ("begin; select 1; commit; select 2", &[control; 2]),
            ("select 1; begin; select 2; commit", &[control; 2]),
            ("begin; a; commit; begin; b; commit", &[control; 4]),
            ("prepare transaction 'a'", &[control]),
            (
                "begin read only; select 1; commit",
                &["begin_with_modes", control],
            ),
            ("savepoint a; rollback to a; release a", &[]),
            (
                "create function f() returns int begin atomic select 1; end; do 'commit'",
                &[],
            ),
        ];
        for (text, expected) in table {
            let (shape, codes) = look(text);
            assert_eq!(codes, expected, "{text}");
            assert_eq!((shape.mode, shape.wrapper), (Mode::Transaction, None));
        }
    }

    #[test]
    fn statements_that_must_run_alone_choose_the_mode() {
        let mode = |text: &str| (look(text).0.mode, look(text).1);
        let outside = (Mode::NoTransaction, vec![]);
        assert_eq!(mode("vacuum t"), outside);
        assert_eq!(
            mode("set lock_timeout = 0; create index concurrently i on t (a); reset all"),
            outside
        );
        assert_eq!(mode("drop subscription s"), outside);
        let inside = (Mode::Transaction, vec![]);
        assert_eq!(mode("set x = 1"), inside);
        assert_eq!(mode(""), inside);
        assert_eq!(
            mode("alter subscription s set (slot_name = none); drop subscription s"),
            inside
        );
        let mixed = (Mode::Transaction, vec!["not_in_transaction"]);
        assert_eq!(mode("select 1; vacuum t"), mixed);
        assert_eq!(mode("begin; vacuum t; commit"), mixed);
    }

    #[test]
    fn a_file_outside_a_transaction_may_hold_blocks_of_its_own() {
        assert_eq!(
            look_outside("vacuum t; begin read only; select 1; commit; select 2"),
            [""; 0]
        );
        assert_eq!(
            look_outside("begin; select 1; commit and chain; rollback"),
            [""; 0]
        );
        assert_eq!(look_outside("begin; select 1"), ["open_transaction"]);
        assert_eq!(
            look_outside("begin; select 1; commit and chain"),
            ["open_transaction"]
        );
        assert_eq!(
            look_outside("begin; vacuum t; commit"),
            ["not_in_transaction"]
        );
    }

    #[test]
    fn on_a_supabase_project_a_file_may_begin_and_end_transactions_itself() {
        let table: [(&str, &[&str]); 8] = [
            ("select 1; commit; select 2", &[]),
            ("begin; a; commit; begin; b; commit", &[]),
            ("begin read only; select 1; commit", &[]),
            ("begin; select 1; rollback", &[]),
            ("begin; a; commit; vacuum t", &[]),
            ("begin; select 1", &["open_transaction"]),
            ("begin; vacuum t; commit; commit", &["not_in_transaction"]),
            ("commit; discard all", &["drops_lock"]),
        ];
        for (text, expected) in table {
            let (shape, codes) = look_on_supabase(text);
            assert_eq!(codes, expected, "{text}");
            assert_eq!((shape.mode, shape.wrapper), (Mode::OwnTransactions, None));
        }
        let asked = look_on_supabase("-- pg-delta: transaction=false\ncommit; select 1");
        assert_eq!((asked.0.mode, asked.1), (Mode::NoTransaction, vec![]));
        let wrapped = look_on_supabase("begin; select 1; commit");
        assert!(wrapped.0.mode.is_atomic() && wrapped.0.wrapper.is_some());
        let mixed = look_on_supabase("select 1; vacuum t");
        assert_eq!(
            (mixed.0.mode, mixed.1),
            (Mode::Transaction, vec!["not_in_transaction"])
        );
    }

    #[test]
    fn what_drops_the_lock_of_the_run_is_refused() {
        assert_eq!(look("discard all").1, ["drops_lock"]);
        assert_eq!(look_outside("discard all"), ["drops_lock"]);
        assert_eq!(
            look_outside("select pg_advisory_unlock_all()"),
            ["drops_lock"]
        );
        assert_eq!(look("select pg_advisory_unlock_all()").1, [""; 0]);
    }

    #[test]
    fn copy_with_a_client_is_refused() {
        assert_eq!(look("copy t from stdin").1, ["copy_stdin"]);
        assert_eq!(look("copy t to stdout").1, ["copy_stdout"]);
        assert_eq!(look("copy t from '/x'").1, [""; 0]);
    }
}
