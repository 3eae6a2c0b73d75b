//! Plain text: one document a file.

use fasttok_engine::Utf8Errors;

use super::{Format, Layout};
use crate::reading::Framing;
use crate::record::{RecordReader, Row};
use crate::skip_reason::SkipReason;

pub(super) struct Text;

impl Format for Text {
    fn name(&self) -> &'static str {
        "text"
    }
    fn layout(&self) -> Layout {
        Layout::Stream(Framing::Whole, |_| Box::new(Text))
    }
}

impl RecordReader for Text {
    fn read<'a>(
        &'a mut self,
        record: &'a str,
        _: Utf8Errors,
    ) -> Result<Option<Row<'a>>, SkipReason> {
        Ok(Some(Row { text: record, values: &[], answer: None }))
    }
}
