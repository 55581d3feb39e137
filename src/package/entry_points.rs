//! `entry_points.txt`: the commands that a wheel wants (entry points specification).

/// The commands of a wheel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryPoints {
    pub console: Vec<EntryPoint>,
    /// Run without a console window on Windows.
    pub gui: Vec<EntryPoint>,
}

/// A command, and the function that it calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryPoint {
    /// A plain file name without an extension.
    pub name: String,
    /// Dotted, each part an identifier.
    pub module: String,
    /// The function, perhaps an attribute of an attribute: `main`, `App.run`.
    pub attribute: String,
}

impl EntryPoints {
    /// Reads the groups `console_scripts` and `gui_scripts`; other groups are for the packages themselves.
    /// An error is a sentence about the line that is wrong.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut points = Self::default();
        let mut group = None;
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                group = Some(name.trim());
                continue;
            }
            let list = match group {
                Some("console_scripts") => &mut points.console,
                Some("gui_scripts") => &mut points.gui,
                Some(_) => continue,
                None => return Err(format!("`{}` stands before the first group", line.escape_debug())),
            };
            let point = EntryPoint::parse(line)?;
            if list.iter().any(|other| other.name == point.name) {
                return Err(format!("the command `{}` stands twice", point.name));
            }
            list.push(point);
        }
        Ok(points)
    }
}

impl EntryPoint {
    fn parse(line: &str) -> Result<Self, String> {
        let invalid = || format!("`{}` is not `command = module:function`", line.escape_debug());
        let (name, object) = line.split_once('=').ok_or_else(invalid)?;
        let name = name.trim();
        // Extras after the object (`[extra]`) are deprecated, and tools pass over them.
        let object = object.split('[').next().unwrap_or_default().trim();
        let (module, attribute) = object.split_once(':').ok_or_else(invalid)?;
        let (module, attribute) = (module.trim(), attribute.trim());
        if !is_dotted(module) || !is_dotted(attribute) {
            return Err(invalid());
        }
        if name.contains('/') || super::path::check_path(name).is_err() {
            return Err(format!("the command `{}` is not a plain file name", name.escape_debug()));
        }
        Ok(Self { name: name.into(), module: module.into(), attribute: attribute.into() })
    }
}

/// Whether `text` is Python identifiers with dots between them: it is written into a program.
fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut chars = part.chars();
        chars.next().is_some_and(|c| c == '_' || c.is_alphabetic())
            && chars.all(|c| c == '_' || c.is_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_of_both_kinds_are_read() {
        let points = EntryPoints::parse(concat!(
            "# made by hand\n[console_scripts]\nacme = acme.cli:main\nacme-2=acme.cli : App.run [fast]\n",
            "\n[acme.plugins]\nanything at all\n[gui_scripts]\nacmew = acme:gui\n",
        ))
        .unwrap();
        let point = |name: &str, module: &str, attribute: &str| EntryPoint {
            name: name.into(),
            module: module.into(),
            attribute: attribute.into(),
        };
        assert_eq!(
            points.console,
            [point("acme", "acme.cli", "main"), point("acme-2", "acme.cli", "App.run")]
        );
        assert_eq!(points.gui, [point("acmew", "acme", "gui")]);
    }

    #[test]
    fn a_command_that_is_no_file_name_or_no_function_is_refused() {
        let parse = |line: &str| EntryPoints::parse(&format!("[console_scripts]\n{line}\n"));
        for line in [
            "../evil = a:b",
            "c:evil = a:b",
            "nul = a:b",
            "a = b",
            "a = b:c; import os",
            "a = b:c()",
            "a",
            "a = :b",
            " = a:b",
            "a = b:c\na = d:e",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(EntryPoints::parse("a = b:c").is_err());
    }
}
