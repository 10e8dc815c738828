//! What argv is read as.

use super::*;

fn refusal(line: &str) -> (Body, bool, Trouble) {
    let argv: Vec<_> = line.split(' ').map(OsString::from).collect();
    match parse(&argv) {
        Err(NotParsed::Refused {
            body,
            json,
            trouble,
        }) => (*body, json, *trouble),
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_arguments_are_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn a_usage_error_knows_its_command_and_whether_json_was_asked_for() {
    let (body, json, trouble) = refusal("devflow db migrate --json --bogus");
    assert_eq!((body.command(), json), (Some("migrate"), true));
    assert!(trouble.message.contains("--bogus"), "{trouble:?}");
    let (body, json, _) = refusal("devflow db frobnicate");
    assert_eq!((body.command(), json), (None, false));
}

#[test]
fn a_url_among_the_arguments_is_refused_and_never_shown() {
    for line in [
        "devflow db migrate --database-url postgres://ann:hunter2@h/db",
        "devflow db migrate --database-url=postgres://ann:hunter2@h/db",
        "devflow db migrate --database-url",
        "devflow db status postgres://ann:hunter2@h/db",
        "devflow db status --url-env postgresql://ann:hunter2@h/db",
        "devflow db status password=hunter2",
    ] {
        let (_, _, trouble) = refusal(line);
        assert_eq!(trouble.code, "url_in_arguments", "{line}");
        assert!(trouble.help.as_ref().unwrap().contains("--url-env"));
        assert!(!format!("{trouble:?}").contains("hunter2"), "{line}");
    }
}

#[test]
fn what_was_meant_is_named_where_it_is_elsewhere() {
    for (line, tip) in [
        ("devflow migrate", "did you mean `devflow db migrate`?"),
        ("devflow statsu", "did you mean `devflow db status`?"),
        ("devflow db rollback", "did you mean `devflow db revert`?"),
        ("devflow db comfig", "did you mean `devflow config`?"),
        (
            "devflow --env x db status",
            "flags follow the command: `devflow db status --env`",
        ),
        (
            "devflow db migrate --dryrun",
            "a similar argument exists: '--dry-run'",
        ),
    ] {
        let help = refusal(line).2.help.unwrap();
        assert!(help.contains(&format!("  tip: {tip}\n")), "{line}: {help}");
    }
    for line in ["devflow frobnicate", "devflow --frobnicate"] {
        let help = refusal(line).2.help.unwrap();
        assert!(!help.contains("tip:"), "{line}: {help}");
    }
}

#[test]
fn a_file_name_is_as_good_as_its_version() {
    assert_eq!(version("0042_add_users.sql").unwrap().as_str(), "42");
    assert!(version("users").is_err());
}
