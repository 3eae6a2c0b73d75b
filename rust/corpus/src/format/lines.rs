//! Lines: one document a line. LF or CRLF ends a line and is no part of the text; an empty line is an empty document,
//! so that line `n` of one file is read beside line `n` of another.

use fasttok_engine::Utf8Errors;

use super::{Format, Layout};
use crate::reading::Framing;
use crate::record::{RecordReader, Row};
use crate::skip_reason::SkipReason;

pub(super) struct Lines;

impl Format for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }
    fn layout(&self) -> Layout {
        Layout::Stream(Framing::Lines, |_| Box::new(Lines))
    }
}

impl RecordReader for Lines {
    fn read<'a>(
        &'a mut self,
        record: &'a str,
        _: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason> {
        let text = record.strip_suffix('\r').unwrap_or(record);
        Ok(Some(Row { text, values: &[], answer: None }))
    }
}
