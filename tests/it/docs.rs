//! What the documentation says about the rest of the repository.

use std::fs;
use std::path::{Path, PathBuf};
use support::{Project, TestDatabase};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    let path = workspace().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page below a folder, without those of build folders.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let found = entries.flat_map(|entry| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match path.is_dir() {
            true if name.starts_with('.') || name == "target" => Vec::new(),
            true => pages(&path),
            false if name.ends_with(".md") => vec![path],
            false => Vec::new(),
        }
    });
    found.collect()
}

/// The page without its code blocks.
fn prose(page: &str) -> String {
    let outside = page.split("\n```").step_by(2);
    outside.collect::<Vec<_>>().join("\n")
}

/// The code blocks of one language.
fn blocks<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("\n```{language}\n");
    let rest = page.split(&opening).skip(1);
    let blocks = rest.map(|rest| rest.split_once("```").expect("the block ends").0);
    blocks.collect()
}

/// The places that a page's links lead to.
fn links(page: &str) -> Vec<String> {
    let rest = prose(page);
    let targets = rest
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).collect()
}

/// The anchors of a page's headings, as code hosts make them.
fn anchors(page: &str) -> Vec<String> {
    let prose = prose(page);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    let anchor = |heading: &str| {
        let words = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// What a line tells to install by name, if it does: the first word behind the command that is no flag.
fn installed_by_name(line: &str) -> Option<&str> {
    let (_, rest) = line
        .split_once("pip install ")
        .or_else(|| line.split_once("cargo install "))?;
    let mut words = rest.split([' ', '`', '"']);
    let word = words.find(|word| !word.is_empty() && !word.starts_with('-'))?;
    (word.starts_with("devflow") && !word.contains('/') && !rest.contains("--path")).then_some(word)
}

/// Why a link leads nowhere, if it does.
fn broken(page: &Path, link: &str) -> Option<String> {
    if link.starts_with("https://") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = match path {
        "" => page.to_owned(),
        path => page.parent().unwrap().join(path),
    };
    let leads = target.exists()
        && (anchor.is_empty()
            || anchors(&fs::read_to_string(&target).unwrap()).contains(&anchor.to_owned()));
    (!leads).then(|| format!("{} links to {link}", page.display()))
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages(&workspace());
    assert!(pages.len() > 8, "{pages:?}");
    let broken = pages.iter().flat_map(|page| {
        let text = fs::read_to_string(page).unwrap();
        let links = links(&text).into_iter();
        links
            .filter_map(|link| broken(page, &link))
            .collect::<Vec<_>>()
    });
    assert_eq!(broken.collect::<Vec<_>>(), [""; 0]);
}

/// The names in the registries are somebody else's, and so may ours be one day.
#[test]
fn nothing_tells_to_install_by_name() {
    let written = [
        "action.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
        "examples/ci/.github/workflows/migrate.yml",
    ];
    let files = pages(&workspace()).into_iter();
    for file in files.chain(written.map(|file| workspace().join(file))) {
        let text = fs::read_to_string(&file).unwrap();
        let warns = |line: &&str| line.starts_with("**Never by name.**");
        for line in text.lines().filter(|line| !warns(line)) {
            assert_eq!(installed_by_name(line), None, "{}: {line}", file.display());
        }
    }
    assert_eq!(
        installed_by_name("pip install -q `devflow`"),
        Some("devflow")
    );
    let project = read("devflow-cli/pyproject.toml");
    let name = project
        .lines()
        .find_map(|line| line.strip_prefix("name = "));
    let name = name.unwrap().trim_matches('"');
    assert!(!["devflow", "devflow-core"].contains(&name));
    assert!(read("docs/install.md").contains(&format!("`{name}`")));
}

#[test]
fn the_readme_lists_the_exit_codes_that_the_command_documents() {
    let table = |path: &str| {
        let page = read(path);
        let (_, rest) = page
            .split_once("| exit | when |")
            .expect("a table of exit codes");
        let rows = rest
            .lines()
            .skip(1)
            .take_while(|line| line.starts_with('|'));
        rows.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(table("README.md"), table("docs/cli.md"));
    let codes = codes_of_the_command();
    assert!(codes.len() > 8, "{codes:?}");
    for code in codes {
        let row = format!("| {code} |");
        assert!(read("README.md").contains(&row), "{row}");
    }
}

/// The exit codes that `devflow --help` lists.
fn codes_of_the_command() -> Vec<String> {
    let help = Project::new().devflow(&["--help"]).run().expect(0).stdout;
    let (_, codes) = help
        .split_once("Exit codes:")
        .expect("help lists the exit codes");
    let rows = codes
        .lines()
        .filter_map(|line| line.trim().split_once("  "));
    rows.map(|(code, _)| code.to_owned()).collect()
}

/// The crate documentation compiles its example, so the page's does too.
#[test]
fn the_readme_shows_the_example_that_is_compiled() {
    let crate_docs = read("devflow-runtime/src/lib.rs");
    let compiled: Vec<&str> = crate_docs
        .lines()
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .filter(|line| !line.starts_with("# "))
        .collect();
    let readme = read("README.md");
    let [shown] = blocks(&readme, "rust")[..] else {
        panic!("one example is expected");
    };
    assert!(compiled.join("\n").contains(shown), "{shown}");
}

#[test]
fn the_readme_shows_a_part_of_the_workflow_that_there_is() {
    let (readme, workflow) = (
        read("README.md"),
        read("examples/ci/.github/workflows/migrate.yml"),
    );
    for shown in blocks(&readme, "yaml") {
        let unconditional = workflow.replace("    if: inputs.environment != 'production'\n", "");
        assert!(unconditional.contains(shown), "{shown}");
    }
}

/// A half-done file, and the page's own way out of it.
#[test]
fn the_statements_that_the_ledgers_page_recommends_do_what_it_says() {
    let database = TestDatabase::create();
    let half = "-- devflow: no-transaction\nCREATE TABLE v (a int);\nDO $$BEGIN COMMIT; EXECUTE 'CREATE TABLE w (a nothing)'; END$$;\n";
    let project = Project::new().migration("3_v.sql", half);
    let devflow = |arguments: &[&str], code| {
        let command = project
            .devflow(arguments)
            .env("DATABASE_URL", &database.url());
        let _ended = command.run().expect(code);
    };
    let migrate = |code| devflow(&["db", "migrate", "--ci"], code);
    migrate(1);
    migrate(4);
    let page = read("docs/ledger.md");
    for statement in blocks(&page, "sql") {
        match statement.contains("AS key") {
            true => assert_eq!(database.value(statement), "6145315754382216349"),
            false => database.execute(statement),
        }
    }
    database.execute("DROP TABLE v");
    assert!(page.contains("devflow db repair --not-applied VERSION"));
    devflow(&["db", "repair", "--not-applied", "3"], 0);
    project.write("migrations/3_v.sql", half.replace("nothing", "int"));
    migrate(0);
    assert!(database.has("w"));
}
