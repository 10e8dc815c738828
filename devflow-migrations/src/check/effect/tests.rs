//! What statements are read as.

use super::EffectReader;
use crate::check::statement::split;
use crate::effect::{Effect, Lock, Toll};
use crate::migration::Migration;
use crate::plan::tests::outside;
use crate::text::Text;
use proptest::prelude::*;

fn effects(text: &str) -> Vec<Effect> {
    EffectReader::default().read(&outside("1", text))
}

/// An effect in a line: `alters table t: adds column a int | ACCESS EXCLUSIVE t scan`.
fn describe(effect: &Effect) -> String {
    let lock = |lock: &Lock| {
        let new = if lock.is_new { " new" } else { "" };
        let toll = match lock.toll {
            Toll::None => String::new(),
            toll => format!(" {}", toll.as_str()),
        };
        format!("{} {}{toll}{new}", lock.mode.as_str(), lock.on)
    };
    let mut text = effect.verb.as_str().to_owned();
    text.extend(effect.kind.iter().map(|kind| format!(" {kind}")));
    if !effect.names.is_empty() {
        text += &format!(" {}", effect.names.join(", "));
    }
    if !effect.details.is_empty() {
        text += &format!(": {}", effect.details.join("; "));
    }
    if effect.destroys {
        text += " !";
    }
    let locks: Vec<_> = effect.locks.iter().map(lock).collect();
    if !locks.is_empty() {
        text += &format!(" | {}", locks.join(", "));
    }
    text
}

fn check(table: &[(&str, &str)]) {
    for (text, expected) in table {
        let text = format!("-- devflow: no-check\n{text}");
        let found: Vec<_> = effects(&text).iter().map(describe).collect();
        assert_eq!(found.join("\n"), *expected, "{text}");
    }
}

#[test]
fn objects_are_named_as_they_are_made_changed_and_dropped() {
    check(&[
        (
            "create table public.Users (id bigserial primary key, o int references orgs)",
            "creates table users | SHARE ROW EXCLUSIVE orgs",
        ),
        (
            "create unlogged table if not exists a ()",
            "creates table a",
        ),
        (
            "select 1 as a into n from b",
            "creates table n | ACCESS SHARE b",
        ),
        (
            "create index on a (lower(b))",
            "creates index: on a | SHARE a scan",
        ),
        (
            "create unique index concurrently if not exists i on only s.\"A\" (b)",
            "creates index i: on s.A | SHARE UPDATE EXCLUSIVE s.A scan",
        ),
        (
            "create table q partition of p for values in (1)",
            "creates table q: partition of p | ACCESS EXCLUSIVE p",
        ),
        ("create type e as enum ('a')", "creates type e"),
        (
            "create extension if not exists \"x-y\"",
            "creates extension x-y: runs its script",
        ),
        (
            "create aggregate a(int) (sfunc = f, stype = int)",
            "creates aggregate a",
        ),
        (
            "create cast (a as b) with function f(a)",
            "creates cast (a as b)",
        ),
        (
            "create or replace function s.f(a int) returns int language sql as 'select 1'",
            "creates function s.f",
        ),
        (
            "alter function f(int) owner to r",
            "alters function f(int): owner to r",
        ),
        (
            "alter type e add value 'x'",
            "alters type e: adds value 'x'",
        ),
        (
            "alter type e rename value 'a' to 'b'",
            "renames type e: value 'a' to 'b'",
        ),
        (
            "alter policy p on t rename to q",
            "renames policy p: to q | ACCESS EXCLUSIVE t",
        ),
        ("drop function f(int), g", "drops function f(int), g"),
        (
            "drop schema s cascade",
            "drops schema s: and everything that depends on it !",
        ),
        ("drop schema s", "drops schema s"),
        (
            "drop index i",
            "drops index i | ACCESS EXCLUSIVE the table of index i, ACCESS EXCLUSIVE index i",
        ),
        (
            "comment on column s.t.c is 'x'",
            "describes column s.t.c | SHARE UPDATE EXCLUSIVE s.t",
        ),
        (
            "comment on constraint c on t is null",
            "describes constraint c: on t | ACCESS SHARE t",
        ),
        (
            "grant select, insert on t, u to r",
            "grants: select, insert on t, u to r",
        ),
        ("alter system set a = 1", "alters system set a = 1"),
        (
            "reassign owned by a to b",
            "alters: reassign owned by a to b",
        ),
    ]);
}

#[test]
fn each_action_of_an_alter_table_is_told() {
    check(&[
        (
            "ALTER TABLE a ADD COLUMN Email text NOT NULL DEFAULT 'a  B' /* x */, ADD n \"T\"",
            "alters table a: adds column email text not null default 'a B'; adds n \"T\" | ACCESS EXCLUSIVE a",
        ),
        (
            "alter table a add b uuid default gen_random_uuid(), drop c cascade",
            "alters table a: adds b uuid default gen_random_uuid(); drops c cascade ! | ACCESS EXCLUSIVE a rewrite",
        ),
        (
            "alter table a alter b set data type bigint using b::bigint, alter column c set not null",
            "alters table a: column b: type becomes bigint using b::bigint; column c: sets not null | ACCESS EXCLUSIVE a \
             rewrite",
        ),
        (
            "alter table a rename to b",
            "renames table a: to b | ACCESS EXCLUSIVE a",
        ),
        (
            "alter table a rename column b to c",
            "renames table a: column b to c | ACCESS EXCLUSIVE a",
        ),
        (
            "alter table p attach partition q default",
            "alters table p: attaches partition q default | ACCESS EXCLUSIVE q scan, SHARE UPDATE EXCLUSIVE p",
        ),
        (
            "alter table p detach partition q concurrently",
            "alters table p: detaches partition q concurrently | ACCESS EXCLUSIVE q, SHARE UPDATE EXCLUSIVE p",
        ),
    ]);
}

#[test]
fn what_rows_are_written_read_and_destroyed() {
    check(&[
        (
            "update a set b = 1",
            "writes table a: updates every row | ROW EXCLUSIVE a",
        ),
        (
            "delete from a",
            "writes table a: deletes every row ! | ROW EXCLUSIVE a",
        ),
        (
            "delete from a where b",
            "writes table a: deletes rows | ROW EXCLUSIVE a",
        ),
        (
            "with w as (delete from t returning *) insert into u select * from w",
            "writes table u: inserts rows ! | ROW EXCLUSIVE u, ROW EXCLUSIVE t",
        ),
        (
            "truncate a, b cascade",
            "truncates table a, b: and every table that refers to it ! | ACCESS EXCLUSIVE a, ACCESS EXCLUSIVE b",
        ),
        (
            "select count(*) from a for update",
            "reads: select count(*) from a for update | ROW SHARE a",
        ),
        (
            "vacuum (full) a",
            "maintains: vacuum (full) a | ACCESS EXCLUSIVE a rewrite",
        ),
        (
            "reindex table concurrently a",
            "maintains: reindex table concurrently a | SHARE UPDATE EXCLUSIVE the indexes of a rewrite, SHARE UPDATE \
             EXCLUSIVE a scan",
        ),
    ]);
}

#[test]
fn what_cannot_be_read_says_so() {
    check(&[
        (
            "do $$begin end$$",
            "runs_code do block: code that devflow cannot read",
        ),
        (
            "call p(1)",
            "runs_code call p: code that devflow cannot read",
        ),
        (
            "select s.f(1), count(*)",
            "runs_code function s.f: code that devflow cannot read",
        ),
        ("selct 1", "unread: a statement that devflow cannot read"),
        (
            "select pg_catalog.set_config('a', 'b', false)",
            "session: select pg_catalog.set_config('…', '…', false)",
        ),
        ("set search_path = a, b", "session: set search_path = a, b"),
    ]);
}

#[test]
fn a_table_that_the_run_has_made_has_no_readers() {
    let mut reader = EffectReader::default();
    let first = reader.read(&outside(
        "1",
        "create table a (b int);\n\ncreate index on a (b)",
    ));
    assert_eq!(
        describe(&first[1]),
        "creates index: on a | SHARE a scan new"
    );
    assert_eq!((first[1].statement, first[1].line), (2, 4));
    let second = outside(
        "2",
        "alter table a rename to c; drop table c; create table if not exists d (); drop table d",
    );
    let second: Vec<_> = reader.read(&second).iter().map(describe).collect();
    assert_eq!(second[1], "drops table c | ACCESS EXCLUSIVE c new");
    assert_eq!(second[3], "drops table d ! | ACCESS EXCLUSIVE d");
    let third = "create table e (); with old as (delete from f returning *) insert into e select * from old";
    assert!(effects(third)[1].destroys);
}

#[test]
fn a_string_that_may_be_a_password_is_not_shown() {
    for text in [
        "create role r password 'secret'",
        "alter role r with password 'secret'",
        "alter role r set a.b = $$secret$$",
        "alter user r password E'secret'",
        "alter database d set \"app.key\" to 'secret'",
        "create user mapping for r server s options (password 'secret')",
        "alter server s options (set password U&'secret')",
        "create subscription s connection 'password=secret' publication p",
        "alter subscription s connection 'password=secret'",
        "alter system set a.b = 'secret'",
        "set a.b = N'secret'",
        "select set_config('a.b', 'secret', false)",
        "select dblink('password=secret')",
        "call p('secret')",
        "execute p ('secret')",
        "insert into a values ('secret')",
        "notify a, 'secret'",
    ] {
        let text = format!("-- devflow: no-check\n{text}");
        let read: String = effects(&text).iter().map(describe).collect();
        assert!(!read.is_empty() && !read.contains("secret"), "{read}");
    }
}

#[test]
fn statements_in_a_row_that_do_the_same_are_told_together() {
    let read =
        effects("insert into a values (1);\ninsert into a values (2); insert into b values (3)");
    let together: Vec<_> = Effect::together(read)
        .iter()
        .map(|it| (it.line, it.count))
        .collect();
    assert_eq!(together, [(2, 2), (3, 1)]);
}

#[test]
fn a_statement_too_large_for_the_parser_still_names_its_table() {
    let text = format!("insert into a values {}(1)", "(1), ".repeat(60_000));
    check(&[(&text, "writes table a: inserts rows | ROW EXCLUSIVE a")]);
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(?s).*") {
        let text = text.replace('\0', "");
        let statements: Vec<_> = split(&text).statements.iter().map(|it| it.span).collect();
        let count = statements.len();
        let migration = Migration {
            text: Text::from_bytes(text.into_bytes()).unwrap(),
            statements: statements.into(),
            ..outside("1", "")
        };
        prop_assert!(super::effects(&migration).len() <= count);
    }
}
