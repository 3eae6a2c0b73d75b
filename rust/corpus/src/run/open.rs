//! Opening an input: from its name to what reads its records, or to why nothing does. What counting and handing on have in
//! common; knows neither.

use fasttok_parallel::Control;

use crate::Progress;
use crate::format::{self, Formats};
use crate::reading::{Host, Opening, Reached, Reading, StreamConfig};
use crate::recognise::{Taken, Unread, recognise};
use crate::sampling::SamplePlan;
use crate::source::{self, Input, Object};

/// Asks the store of input `file`, which is opened now, for small objects, that one and some of those that are opened next;
/// of a `sample`, those that it reads.
pub(super) fn ask_ahead(inputs: &[Input], file: usize, sample: Option<&SamplePlan>) {
    if inputs[file].object.is_some() {
        let reads = |file: &usize| sample.is_none_or(|sample| sample.reads(*file));
        let next = (file..inputs.len()).filter(reads);
        Object::ask_ahead(next.map_while(|file| inputs[file].object.as_deref()));
    }
}

/// Opens `source`, which is input `file`, for `host`, and finds out what it is. `reached` is where an earlier run stopped. Of
/// a slice what it is was found out before. Of a
/// `sample` the blocks that were drawn are read, where it has any.
pub(super) fn begin<'e>(
    file: usize,
    source: &'e Input,
    (control, progress): (Control<'e>, &'e Progress),
    formats: &Formats<'e>,
    config: &StreamConfig,
    host: &'e dyn Host<'e>,
    reached: Option<Reached>,
    sample: Option<&SamplePlan>,
) -> Result<Taken<Box<dyn Reading<'e> + 'e>>, Unread> {
    let mut input = source::open(source, control, progress, config.max_window)?;
    let (taken, reached) = match &source.slice {
        None => (recognise(source, &mut input, formats)?, reached),
        Some(slice) => {
            let begin = slice.bytes().map_or(0, |bytes| bytes.start);
            (Taken::As(slice.format), (begin > 0).then(|| Reached::at_line_start(begin)))
        }
    };
    Ok(match taken {
        Taken::As(format) => {
            let member = None;
            let opening =
                Opening { file, source, input, control, progress, format, member, host, reached };
            let has_blocks = |sample: &&SamplePlan| {
                !sample.is_streamed(file)
                    && opening.input.is_seekable(source)
                    && format::is_of_lines(format)
            };
            Taken::As(match sample.filter(has_blocks) {
                Some(sample) => format::begin_blocks(opening, sample.block(), sample.drawn(file))?,
                None => format::begin(opening, formats, config)?,
            })
        }
        Taken::Binary => Taken::Binary,
        Taken::Compressed => Taken::Compressed,
    })
}
