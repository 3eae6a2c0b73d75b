//! Opening an input: from its name to what reads its records, or to why nothing does. What counting and handing on have in
//! common; knows neither.

use fasttok_parallel::Control;

use crate::Progress;
use crate::format::{self, Formats};
use crate::long_document::Group;
use crate::reading::{Opening, Reached, Reading, StreamConfig};
use crate::recognise::{Taken, Unread, recognise};
use crate::source::{self, Input};

/// Opens `source`, which is input `file`, and finds out what it is. Of one that is read, `place` gives the group of documents
/// without fields, and where an earlier run stopped.
pub(super) fn begin<'e>(
    file: usize,
    source: &'e Input,
    (control, progress): (Control<'e>, &'e Progress),
    formats: &Formats<'e>,
    config: &StreamConfig,
    place: impl FnOnce() -> (Group, Option<Reached>),
) -> Result<Taken<Box<dyn Reading<'e> + 'e>>, Unread> {
    let mut input = source::open(source, control, progress, config.max_window)?;
    Ok(match recognise(source, &mut input, formats)? {
        Taken::As(format) => {
            let (group, reached) = place();
            let opening =
                Opening { file, source, input, control, progress, format, group, reached };
            Taken::As(format::begin(opening, formats, config)?)
        }
        Taken::Binary => Taken::Binary,
        Taken::Compressed => Taken::Compressed,
    })
}
