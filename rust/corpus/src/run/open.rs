//! Opening an input: from its name to what reads its records, or to why nothing does. What counting and handing on have in
//! common; knows neither.

use fasttok_parallel::Control;

use crate::Progress;
use crate::format::{self, Formats};
use crate::reading::{Host, Opening, Reached, Reading, StreamConfig};
use crate::recognise::{Taken, Unread, recognise};
use crate::source::{self, Input};

/// Opens `source`, which is input `file`, for `host`, and finds out what it is. `reached` is where an earlier run stopped.
pub(super) fn begin<'e>(
    file: usize,
    source: &'e Input,
    (control, progress): (Control<'e>, &'e Progress),
    formats: &Formats<'e>,
    config: &StreamConfig,
    host: &'e dyn Host<'e>,
    reached: Option<Reached>,
) -> Result<Taken<Box<dyn Reading<'e> + 'e>>, Unread> {
    let mut input = source::open(source, control, progress, config.max_window)?;
    Ok(match recognise(source, &mut input, formats)? {
        Taken::As(format) => {
            let member = None;
            let opening =
                Opening { file, source, input, control, progress, format, member, host, reached };
            Taken::As(format::begin(opening, formats, config)?)
        }
        Taken::Binary => Taken::Binary,
        Taken::Compressed => Taken::Compressed,
    })
}
