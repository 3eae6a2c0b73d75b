//! Members of archives: which of them are read, and how one is opened. It is read as a file of its name would be that a
//! walk meets in the folder to which the archive was unpacked.

use globset::{GlobBuilder, GlobMatcher};

use crate::format::{self, Formats};
use crate::job::Job;
use crate::position::Member;
use crate::reading::{BegunMember, Host, MemberOpening, Opening, StreamConfig};
use crate::recognise::{Taken, Unread, recognise};
use crate::source::{Input, extension_of, open_member};
use crate::{Error, Progress};

/// Which members a job asks for.
pub(super) struct MemberFilter {
    pattern: Option<GlobMatcher>,
    hidden: bool,
}

impl MemberFilter {
    pub fn new(job: &Job) -> Result<MemberFilter, Error> {
        let matcher = |pattern: &String| {
            // `*` fits slashes too: who writes *.txt means all texts, as with tar.
            let glob = GlobBuilder::new(pattern).literal_separator(false).build();
            let message = |e| format!("member {pattern:?} is no pattern: {e}");
            glob.map(|glob| glob.compile_matcher())
                .map_err(|e| Error::InvalidJob { message: message(e) })
        };
        let pattern = job.member.as_ref().map(matcher).transpose()?;
        Ok(MemberFilter { pattern, hidden: job.hidden })
    }

    /// Whether the member of this name is read.
    pub fn wants(&self, name: &str) -> bool {
        let name = name.strip_prefix("./").unwrap_or(name);
        match &self.pattern {
            Some(pattern) => pattern.is_match(name),
            None => {
                let is_hidden = |part: &str| part.starts_with('.') && !matches!(part, "." | "..");
                self.hidden || !name.split('/').any(is_hidden)
            }
        }
    }
}

/// The suffix of the format: that of the member, in an archive.
pub(super) fn extension(input: &Input, member: Option<&Member>) -> Option<String> {
    match member {
        Some(member) => extension_of(&member.name),
        None => input.extension(),
    }
}

/// What opens the members.
pub(super) struct MemberOpener<'r> {
    pub inputs: &'r [Input],
    pub formats: Formats<'r>,
    pub config: &'r StreamConfig,
    pub progress: &'r Progress,
}

impl<'r> MemberOpener<'r> {
    /// Opens a member, which is read for `host`.
    pub fn begin(&self, opening: MemberOpening<'r>, host: &'r dyn Host<'r>) -> BegunMember<'r> {
        let MemberOpening { file, member, bytes, size, control, reached } = opening;
        let MemberOpener { inputs, formats, config, progress } = *self;
        let archive = &inputs[file];
        let formats = formats.of_members();
        let asks = formats.asks_members;
        let input = archive.member(&member.name, size, asks);
        let mut opened = match open_member(bytes, &input, size, config.max_window) {
            Ok(opened) => opened,
            Err(bad) => return BegunMember::Unread { format: None, bad },
        };
        let format = match recognise(&input, &mut opened, &formats) {
            Ok(Taken::As(format)) => format,
            Ok(Taken::Binary | Taken::Compressed) => return BegunMember::PassedBy,
            Err(Unread { format, bad }) => return BegunMember::Unread { format, bad },
        };
        let opening = Opening {
            file,
            source: archive,
            input: opened,
            control,
            progress,
            format,
            member: Some(member),
            host,
            reached,
        };
        match format::begin(opening, &formats, config) {
            Ok(reading) => BegunMember::Reading(reading),
            Err(bad) => BegunMember::Unread { format: None, bad },
        }
    }
}

/// The error that no member was read where members are all that there is to read, or were asked for. Of the members that
/// were `begun`, some were passed by.
pub(super) fn check(
    job: &Job,
    (begun, passed_by): (u64, u64),
    counted: u64,
    skipped: u64,
) -> Result<(), Error> {
    let message = match &job.member {
        // Where an archive is damaged, it may have been after that.
        Some(pattern) if begun == 0 && skipped == 0 => {
            format!("no member of an archive fits {pattern:?}")
        }
        None if begun > 0 && begun == passed_by && counted + skipped == 0 => format!(
            "all members of the archives ({begun}) are binary, or compressed and without records; member=\"*\" \
             reads them all"
        ),
        _ => return Ok(()),
    };
    Err(Error::NoInput { message })
}
