//! The tools' programs: installed at pinned versions, or built here. A second call finds them.

use crate::corpus::Corpus;
use crate::fault::{Fault, Result};
use crate::runner::Form;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use support::Installation;

/// A command that Cargo installs.
struct Package {
    program: &'static str,
    name: &'static str,
    version: &'static str,
    features: &'static str,
}

/// With PostgreSQL alone, as their own documentation says how.
const PACKAGES: [Package; 3] = [
    Package {
        program: "sqlx",
        name: "sqlx-cli",
        version: "0.9.0",
        features: "postgres,rustls",
    },
    Package {
        program: "refinery",
        name: "refinery_cli",
        version: "0.10.0",
        features: "postgresql",
    },
    Package {
        program: "diesel",
        name: "diesel_cli",
        version: "2.3.14",
        features: "postgres",
    },
];

/// The program of a tool, for a corpus.
pub(crate) fn program(form: Form, corpus: Corpus) -> Result<PathBuf> {
    match form {
        Form::Command("devflow") => devflow(),
        Form::Command("psql") => Installation::program_of_any("psql").map_err(Fault::new),
        Form::Command("dbmate") => dbmate(),
        Form::Command(program) => installed(program),
        Form::Embedded(package) => embedded(package, corpus),
    }
}

/// The versions of the tools that take part, a line each.
pub(crate) fn versions(forms: &[Form]) -> Result<Vec<String>> {
    let mut lines = vec![says("rustc", &["--version"])?];
    for form in forms {
        lines.push(version(*form)?);
    }
    Ok(lines)
}

fn version(form: Form) -> Result<String> {
    Ok(match form {
        Form::Command("devflow") | Form::Embedded("devflow") => {
            let commit = says("git", &["describe", "--always", "--dirty"])?;
            format!("{} at {commit}", form.words())
        }
        Form::Command("psql") => {
            let program = program(form, Corpus::C100)?;
            says(&program.to_string_lossy(), &["--version"])?
        }
        Form::Command("dbmate") => {
            "dbmate 2.36.0 (its program from npm, without Node.js)".to_owned()
        }
        Form::Command(program) => {
            let package = PACKAGES.iter().find(|package| package.program == program);
            package.map_or_else(String::new, |package| {
                format!(
                    "{} {} ({})",
                    package.name, package.version, package.features
                )
            })
        }
        Form::Embedded(package) => {
            let manifest = workspace().join(format!("embedded/{package}/Cargo.toml"));
            let text =
                fs::read_to_string(&manifest).map_err(|error| Fault::at(&manifest, error))?;
            let line = text
                .lines()
                .find(|line| line.starts_with(&format!("{package} = ")));
            format!("{}: `{}`", form.words(), line.unwrap_or_default())
        }
    })
}

/// The folder of this workspace's sources.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where everything is built.
pub(crate) fn target() -> PathBuf {
    workspace().join("target")
}

/// The embedding program's Cargo command, with the corpus as a feature.
pub(crate) fn build_arguments(package: &str, corpus: Option<Corpus>) -> Vec<String> {
    let mut arguments = vec![
        "build".to_owned(),
        "--quiet".to_owned(),
        "--release".to_owned(),
        "--locked".to_owned(),
        format!("--package=embedded-{package}"),
        format!("--target-dir={}", target().display()),
    ];
    arguments.extend(corpus.map(|corpus| format!("--features={}", corpus.name())));
    arguments
}

/// Where Cargo puts an embedding program, whatever its corpus.
pub(crate) fn built(package: &str) -> PathBuf {
    target().join(format!("release/embedded-{package}"))
}

/// Runs a program that says nothing on standard output that we need.
pub(crate) fn succeeds(command: &mut Command) -> Result<()> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| Fault::new(format!("cannot run {program}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Fault::new(format!("{program} failed: {status}")))
}

/// The first line that a program says, run in this workspace's folder.
pub(crate) fn says(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(workspace())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Fault::new(format!("cannot run {program}: {error}")))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().next().unwrap_or_default();
    Ok(line.to_owned())
}

/// From the sources beside, with the profile that releases are built with.
fn devflow() -> Result<PathBuf> {
    let folder = target().join("devflow");
    succeeds(
        Command::new("cargo")
            .args([
                "build",
                "--quiet",
                "--release",
                "--locked",
                "-p",
                "devflow-cli",
            ])
            .arg("--target-dir")
            .arg(&folder)
            .current_dir(workspace().join("..")),
    )?;
    Ok(folder.join("release/devflow"))
}

/// The program itself, as npm's package has it for this machine: Node.js would only start it.
fn dbmate() -> Result<PathBuf> {
    let script = workspace().join("../.ci/npm-cache");
    let folder = says(&script.to_string_lossy(), &["dbmate"])?;
    let packages = Path::new(&folder).join("node_modules/@dbmate");
    let entries = fs::read_dir(&packages).map_err(|error| Fault::at(&packages, error))?;
    let mut programs = entries
        .flatten()
        .map(|entry| entry.path().join("bin/dbmate"));
    let missing = || Fault::new("npm has no dbmate for this machine");
    programs
        .find(|program| program.is_file())
        .ok_or_else(missing)
}

fn installed(program: &str) -> Result<PathBuf> {
    let mut packages = PACKAGES.iter();
    let package = packages.find(|package| package.program == program);
    let unknown = || Fault::new(format!("no package is known for {program}"));
    let Package {
        name,
        version,
        features,
        ..
    } = package.ok_or_else(unknown)?;
    let root = cache()?.join(format!("{name}-{version}"));
    let path = root.join("bin").join(program);
    if !path.is_file() {
        eprintln!("==> installing {name} {version}");
        let version = format!("={version}");
        succeeds(
            Command::new("cargo")
                .args(["install", "--quiet", "--locked", "--no-default-features"])
                .args(["--features", features, "--version", &version, name])
                .arg("--root")
                .arg(root)
                .current_dir(workspace()),
        )?;
    }
    Ok(path)
}

/// Cargo gives every corpus the same name, so each is put where the next does not overwrite it.
fn embedded(package: &str, corpus: Corpus) -> Result<PathBuf> {
    let arguments = build_arguments(package, Some(corpus));
    succeeds(
        Command::new("cargo")
            .args(arguments)
            .current_dir(workspace()),
    )?;
    let folder = target().join("programs");
    fs::create_dir_all(&folder).map_err(|error| Fault::at(&folder, error))?;
    let program = folder.join(format!("{package}-{}", corpus.name()));
    fs::copy(built(package), &program).map_err(|error| Fault::at(&program, error))?;
    Ok(program)
}

/// A folder of the user's: what took minutes to build outlives a checkout.
fn cache() -> Result<PathBuf> {
    let home = || env::home_dir().map(|home| home.join(".cache"));
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(home);
    let cache = cache.ok_or_else(|| Fault::new("there is neither XDG_CACHE_HOME nor a home"))?;
    Ok(cache.join("devflow/bench/peers"))
}
