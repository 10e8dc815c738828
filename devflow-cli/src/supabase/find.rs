//! Where the Supabase CLI is. It is never fetched.

use super::environment::Environment;
use crate::outcome::Trouble;
use std::path::{Path, PathBuf};

/// Where npm and its like put a project's programs.
const OF_A_PROJECT: &str = "node_modules/.bin/supabase";

/// How a project gets one.
const INSTALL: &str = "install it at an exact version, for example with `npm install --save-dev --save-exact supabase@3.1.0`, or name it as \
     `supabase_cli` in devflow.yml";

/// The program that devflow.yml names, else the nearest of the project's, else the first on the PATH. `folder` is that of
/// devflow.yml.
///
/// # Errors
/// `supabase_cli_missing`.
pub(super) fn find(
    folder: &Path,
    configured: Option<&Path>,
    environment: &Environment,
) -> Result<PathBuf, Trouble> {
    if let Some(configured) = configured {
        let path = folder.join(configured);
        return match path.is_file() {
            true => Ok(path),
            false => Err(missing(&format!(
                "`supabase_cli` in devflow.yml names {}, which is no file",
                configured.display()
            ))),
        };
    }
    let path = environment.get("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(path).map(|folder| folder.join("supabase"));
    of_project(folder)
        .into_iter()
        .chain(on_path)
        .find(|path| path.is_file())
        .ok_or_else(|| {
            missing(&format!(
                "there is no Supabase CLI: no {OF_A_PROJECT} in the project, and no `supabase` on the PATH"
            ))
        })
}

/// From the folder up to the repository's root, or the folder's own only where there is no repository.
fn of_project(folder: &Path) -> Vec<PathBuf> {
    let folders: Vec<_> = folder.ancestors().collect();
    let is_root = |folder: &&Path| folder.join(".git").exists();
    let height = folders.iter().position(is_root).unwrap_or(0);
    let folders = folders.iter().take(height + 1);
    folders.map(|folder| folder.join(OF_A_PROJECT)).collect()
}

fn missing(message: &str) -> Trouble {
    Trouble::usage("supabase_cli_missing", message).help(INSTALL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surroundings::Surroundings;
    use std::fs;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let tree = tempfile::tempdir().unwrap();
        for file in files {
            let path = tree.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        tree
    }

    fn found(tree: &tempfile::TempDir, configured: Option<&str>) -> Result<String, Trouble> {
        let environment = Environment::of(&Surroundings {
            variables: [("PATH".into(), tree.path().join("bin").into())].into(),
            ..Surroundings::default()
        });
        let folder = tree.path().join("repo/app");
        let path = find(&folder, configured.map(Path::new), &environment)?;
        let path = path.strip_prefix(tree.path()).unwrap();
        Ok(path.display().to_string())
    }

    #[test]
    fn the_nearest_of_the_project_is_taken_before_that_on_the_path() {
        let everywhere = tree(&[
            "repo/.git",
            "repo/app/node_modules/.bin/supabase",
            "repo/node_modules/.bin/supabase",
            "bin/supabase",
        ]);
        assert_eq!(
            found(&everywhere, None).unwrap(),
            "repo/app/node_modules/.bin/supabase"
        );
        let above = tree(&[
            "repo/.git",
            "repo/app/x",
            "repo/node_modules/.bin/supabase",
            "bin/supabase",
        ]);
        assert_eq!(
            found(&above, None).unwrap(),
            "repo/node_modules/.bin/supabase"
        );
        let outside = tree(&[
            "repo/.git",
            "repo/app/x",
            "node_modules/.bin/supabase",
            "bin/supabase",
        ]);
        assert_eq!(found(&outside, None).unwrap(), "bin/supabase");
    }

    #[test]
    fn the_one_that_is_named_is_taken_or_none() {
        let tree = tree(&["repo/app/tools/supabase", "bin/supabase"]);
        assert_eq!(
            found(&tree, Some("tools/supabase")).unwrap(),
            "repo/app/tools/supabase"
        );
        let trouble = found(&tree, Some("tools/other")).unwrap_err();
        assert_eq!(trouble.code, "supabase_cli_missing");
    }

    #[test]
    fn where_there_is_none_the_help_says_how_to_install_it() {
        let trouble = found(&tree(&["repo/app/x"]), None).unwrap_err();
        assert_eq!(trouble.code, "supabase_cli_missing");
        assert!(trouble.help.unwrap().contains("npm install"));
    }
}
