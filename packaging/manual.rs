//! Writes the manual pages and the shells' completions into the directory that is named. Run by
//! `packaging/build-manual`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).ok_or("the directory to write to is missing")?;
    let directory = PathBuf::from(directory);
    fs::create_dir_all(&directory)?;
    for (name, page) in kvsock::manual::pages()? {
        fs::write(directory.join(name), page)?;
    }
    for (name, script) in kvsock::manual::completions() {
        fs::write(directory.join(name), script)?;
    }
    Ok(())
}
