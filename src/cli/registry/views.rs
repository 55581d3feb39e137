//! `rvp registry views`: the simple index of a registry, for pip and uv.

use std::process::ExitCode;

use anyhow::Context as _;
use rvp::project::Location;
use rvp::registry::Writer;
use rvp::views::{Views, Written};

use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::writable::Access;

/// Make the pages of `simple/`, for pip and uv
///
/// With them a registry is a simple index too, on any static host: `pip install --index-url URL/simple/`. Every publish and every
/// seal keeps them up to date, until the folder `simple` is deleted.
#[derive(clap::Args)]
pub struct Arguments {
    /// The folder of the registry, or the URL of its bucket
    #[arg(value_name = "DIR-or-URL", value_parser = Location::parse)]
    registry: Location,
    #[command(flatten)]
    access: Access,
}

pub fn run(context: &Context, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let Written { projects, changed } = make(context, &arguments.registry, &arguments.access)?;
    context.say(&format!(
        "made the pages of {} in {}; {} changed",
        output::count(projects, "project"),
        place(&arguments.registry),
        output::count(changed, "file")
    ));
    Ok(ExitCode::SUCCESS)
}

/// Makes all pages of the registry at `location`, which keeps them from now on.
pub fn make(context: &Context, location: &Location, access: &Access) -> anyhow::Result<Written> {
    let open = || context.open_as_keeper(location, None);
    // Whatever is no registry gets no folder.
    open()?.config()?;
    if let Location::Path(dir) = location {
        return Ok(Views::create(dir)?.make_all(&open()?)?);
    }
    let writer = access.open_at(context, location, |_| Ok(()))?;
    let views = Views::create_by_writer(&writer)?;
    let reader = open()?;
    let made = writer.in_parallel(|| views.make_all(&reader))?;
    refresh_after(context, &writer)?;
    Ok(made)
}

/// Where the pages of a registry stand, for people.
fn place(registry: &Location) -> String {
    match registry {
        Location::Path(dir) => dir.join(rvp::views::FOLDER).display().to_string(),
        elsewhere => format!("{}/{}", elsewhere.to_string().trim_end_matches('/'), rvp::views::FOLDER),
    }
}

/// Brings the views up to date with what `writer` has sealed, where the registry keeps views.
pub fn refresh_after(context: &Context, writer: &Writer) -> anyhow::Result<()> {
    let location = match writer.folder() {
        Some(dir) => Location::Path(dir.to_owned()),
        None => Location::parse(writer.location()).map_err(anyhow::Error::msg)?,
    };
    let key = Some(writer.config().key.as_str());
    let update = || -> anyhow::Result<()> {
        if let Some(dir) = writer.folder() {
            if let Some(views) = Views::open(dir)? {
                views.refresh(&context.open_as_keeper(&location, key)?)?;
            }
            return Ok(());
        }
        let Some(views) = Views::of_writer(writer)? else { return Ok(()) };
        // Another writer may have gone on meanwhile, and have been quicker with some of the pages.
        loop {
            let reader = context.open_as_keeper(&location, key)?;
            if views.are_of(&reader)? {
                return Ok(());
            }
            writer.in_parallel(|| views.refresh(&reader))?;
        }
    };
    update().with_context(|| {
        format!(
            "the registry is sealed, but its pages in {} are not up to date; make them with `rvp registry views`",
            place(&location)
        )
    })
}
