//! `rvp registry views`: the simple index of a registry, for pip and uv.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use rvp::project::Location;
use rvp::registry::Writer;
use rvp::views::{Views, Written};

use crate::cli::context::Context;
use crate::cli::output;

/// Make the pages of `simple/`, for pip and uv
///
/// With them a registry is a simple index too, on any static host: `pip install --index-url URL/simple/`. Every publish and every
/// seal keeps them up to date, until the folder `simple` is deleted.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry
    dir: PathBuf,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    // Whatever is no registry gets no folder.
    context.open_directory(&arguments.dir, None)?.config()?;
    let views = Views::create(&arguments.dir)?;
    let Written { projects, changed } = views.make_all(&context.open_directory(&arguments.dir, None)?)?;
    context.say(&format!(
        "made the pages of {} in {}; {} changed",
        output::count(projects, "project"),
        arguments.dir.join(rvp::views::FOLDER).display(),
        output::count(changed, "file")
    ));
    Ok(ExitCode::SUCCESS)
}

/// Has the registry at `location` keep views, from its first seal by the log key `key` on.
pub fn create(context: &Context, location: &Location, key: &str) -> anyhow::Result<()> {
    match location {
        Location::Path(dir) => {
            drop(Views::create(dir)?);
            refresh(context, dir, key)
        }
        _ => Ok(()),
    }
}

/// Brings the views up to date with a seal by the log key `key`, where the registry in `dir` keeps views.
pub fn refresh(context: &Context, dir: &Path, key: &str) -> anyhow::Result<()> {
    let update = || -> anyhow::Result<()> {
        if let Some(views) = Views::open(dir)? {
            views.refresh(&context.open_directory(dir, Some(key))?)?;
        }
        Ok(())
    };
    update().with_context(|| {
        format!(
            "the registry is sealed, but its pages in {} are not up to date; make them with `rvp registry views`",
            dir.join(rvp::views::FOLDER).display()
        )
    })
}

/// As `refresh`, of what `writer` has sealed.
pub fn refresh_after(context: &Context, writer: &Writer) -> anyhow::Result<()> {
    match writer.folder() {
        Some(folder) => refresh(context, folder, &writer.config().key),
        None => Ok(()),
    }
}
