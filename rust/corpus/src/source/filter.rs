//! Which files of a folder are read, by their names: globs and types of files, as ripgrep has them.
//!
//! Knows no folder: a walk asks for each file and folder that it meets. What is named itself is not asked about.

use ignore::overrides::{Override, OverrideBuilder};
use ignore::types::{Types, TypesBuilder};

use crate::Error;

/// What a walk leaves out by name.
pub(crate) struct Filter {
    pub globs: Override,
    pub types: Types,
}

impl Filter {
    /// The filter of these globs, and names of types; nothing where there are none.
    pub fn of(
        globs: &[String],
        exclude: &[String],
        types: &[String],
        not_types: &[String],
    ) -> Result<Option<Filter>, Error> {
        if globs.is_empty() && exclude.is_empty() && types.is_empty() && not_types.is_empty() {
            return Ok(None);
        }
        // Where a glob has a slash, it begins at the current folder.
        let mut wanted = OverrideBuilder::new(std::env::current_dir().unwrap_or_default());
        for glob in globs {
            wanted.add(glob).map_err(invalid)?;
        }
        for glob in exclude {
            // To exclude what is excluded would be to want it.
            if glob.starts_with('!') {
                let message =
                    format!("exclude: {glob:?} begins with !: it is a glob of what is left out");
                return Err(Error::InvalidJob { message });
            }
            wanted.add(&format!("!{glob}")).map_err(invalid)?;
        }
        let mut known = TypesBuilder::new();
        known.add_defaults();
        for name in types {
            known.select(name);
        }
        for name in not_types {
            known.negate(name);
        }
        Ok(Some(Filter {
            globs: wanted.build().map_err(invalid)?,
            types: known.build().map_err(invalid)?,
        }))
    }
}

fn invalid(error: ignore::Error) -> Error {
    Error::InvalidJob { message: error.to_string() }
}

/// The types of files that there are, by name, each with the globs of its files.
pub fn file_types() -> Vec<(String, Vec<String>)> {
    let mut known = TypesBuilder::new();
    known.add_defaults();
    let all = known.definitions();
    all.iter().map(|one| (one.name().to_owned(), one.globs().to_vec())).collect()
}
