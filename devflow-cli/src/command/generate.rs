//! `devflow completions` and `devflow man`: made from the arguments' own descriptions.

use crate::args::Arguments;
use crate::outcome::{Body, Kind, Outcome, Trouble};
use crate::settings::Generate;
use clap::CommandFactory;
use clap_mangen::Man;
use std::fs;
use std::io;
use std::path::Path;

pub(super) fn generate(what: &Generate) -> Result<Outcome, Trouble> {
    let text = match what {
        Generate::Completions(shell) => {
            let mut script = Vec::new();
            let mut devflow = Arguments::command();
            clap_complete::generate(*shell, &mut devflow, "devflow", &mut script);
            String::from_utf8_lossy(&script).into_owned()
        }
        Generate::FirstPage => first_page(),
        Generate::Pages(folder) => pages(folder)?,
    };
    Ok(Outcome::new(Body::Text(text)))
}

fn first_page() -> String {
    let mut page = Vec::new();
    // A vector takes everything.
    let _ = Man::new(Arguments::command()).render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

/// Writes a page for every command; the text names the files.
fn pages(folder: &Path) -> Result<String, Trouble> {
    let mut devflow = Arguments::command().disable_help_subcommand(true);
    devflow.build();
    let mut written = String::new();
    let result = fs::create_dir_all(folder).and_then(|()| write(&devflow, folder, &mut written));
    result.map(|()| written).map_err(|error| {
        let folder = folder.display();
        let message = format!("the man pages cannot be written to {folder}: {error}");
        Trouble::new(Kind::File, "file_not_written", message)
    })
}

fn write(command: &clap::Command, folder: &Path, written: &mut String) -> io::Result<()> {
    let page = Man::new(command.clone()).generate_to(folder)?;
    written.push_str(&format!("{}\n", page.display()));
    for below in command.get_subcommands() {
        write(below, folder, written)?;
    }
    Ok(())
}
