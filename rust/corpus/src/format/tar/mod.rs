//! Archives by tar: a container of files, each of which is read as a file of its name is. Nothing is unpacked to disk.
//!
//! An archive is read from its beginning to its end, however it is packed. Members that fit in a chunk are handed out
//! whole, many at a time, and whoever has them opens and counts them while the next worker reads on. A longer one is read
//! through the archive by the reading that the member itself has, chunk after chunk.
//!
//! A header has a checksum, and the size of the member in it says where the next header is. Where a header is damaged,
//! nothing says what follows: the next thing that looks like a header may be in a file that is itself an archive, or may
//! have lost the longer name and the true size that were before it. So reading ends there, and the ledger says at which
//! byte. Two archives one after the other are one, as in gzip; an archive without the zeros that end one was cut off.

mod header;

use std::io::{self, Read};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard};

use fasttok_parallel::Control;

use self::header::{BLOCK, Head, Kind, Next};
use super::{Format, Formats, Layout};
use crate::position::{At, Member, Position};
use crate::reading::{
    BegunMember, Chunk, HandedOut, Host, Inside, MemberOpening, Opening, Reached, Reading, Step,
    StreamConfig, WholeMember,
};
use crate::skip_reason::{Reason, SkipReason};
use crate::source::{Opened, Unread, is_text, name_of_bytes, read_error};

pub(super) struct Tar;

impl Format for Tar {
    fn name(&self) -> &'static str {
        "tar"
    }
    fn suffixes(&self) -> &'static [&'static str] {
        &["tar", "tgz", "tzst", "tbz", "tbz2", "txz"]
    }
    fn begins(&self, head: &[u8]) -> bool {
        let is_named = head.get(257..262) == Some(b"ustar");
        (is_named && !is_text(head)) || header::is_header(head)
    }
    fn is_archive(&self) -> bool {
        true
    }
    fn layout(&self) -> Layout {
        Layout::Container(open)
    }
}

fn open<'e>(
    opening: Opening<'e>,
    _: &Formats<'e>,
    _: &StreamConfig,
) -> Result<Box<dyn Reading<'e> + 'e>, SkipReason> {
    let Opening { file, source, mut input, control, progress, host, reached, .. } = opening;
    let (mut at, mut index, mut had) = (0, 0, None);
    if let Some(Reached { bytes, line, inside, .. }) = reached {
        input.pass_over(bytes, source, control, progress)?;
        (at, index) = (bytes, line);
        if let Inside::Member { reached, had: handed_out } = inside {
            had = Some((reached.map(|reached| *reached), handed_out));
        }
    }
    let archive = Archive { input, held: Vec::new(), from: 0, at, left: 0, skip: 0, end: None };
    Ok(Box::new(Members {
        file,
        control,
        host,
        archive: Arc::new(Mutex::new(archive)),
        index,
        next_at: at,
        is_ended: false,
        current: None,
        had,
        is_unchecked: false,
        was_utf16: false,
    }))
}

/// The bytes of an archive.
struct Archive<'e> {
    input: Opened<'e>,
    /// What was read of it and is still to be looked at: from this index on.
    held: Vec<u8>,
    from: usize,
    /// Where in the archive that begins.
    at: u64,
    /// How much of the member that is being read is still to come.
    left: u64,
    /// What is to be passed over before the next header.
    skip: u64,
    /// Set when there is nothing more to read: at its end, or because of damage.
    end: Option<Result<(), SkipReason>>,
}

impl Archive<'_> {
    fn held(&self) -> &[u8] {
        &self.held[self.from..]
    }

    fn pass(&mut self, bytes: usize) {
        self.from += bytes;
        self.at += bytes as u64;
    }

    /// Passes over what is held of what is to be passed over. True when that was all.
    fn pass_skipped(&mut self) -> bool {
        let held = self.held().len();
        let passed = usize::try_from(self.skip).map_or(held, |skip| skip.min(held));
        self.pass(passed);
        self.skip -= passed as u64;
        self.skip == 0
    }

    /// Holds `len` bytes, if there are so many.
    fn hold(&mut self, len: usize, control: Control) {
        self.held.drain(..self.from);
        self.from = 0;
        let mut at = self.held.len();
        if at >= len {
            return;
        }
        self.held.resize(len, 0);
        while at < len && self.end.is_none() && !control.cancel.load(Relaxed) {
            match self.input.reader.read(&mut self.held[at..]) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(n) => at += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => self.end = Some(Err(read_error(&e))),
            }
        }
        self.held.truncate(at);
    }

    /// Reads on in the member that is being read.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let most = buf.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let buf = &mut buf[..most];
        if buf.is_empty() {
            return Ok(0);
        }
        let held = self.held().len();
        let mut n = held.min(buf.len());
        if n > 0 {
            buf[..n].copy_from_slice(&self.held()[..n]);
            self.pass(n);
        } else if self.end.is_none() {
            match self.input.reader.read(buf) {
                Ok(0) => self.end = Some(Ok(())),
                Ok(read) => n = read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => return Err(e),
                Err(e) => self.end = Some(Err(read_error(&e))),
            }
            self.at += n as u64;
        }
        if n == 0 {
            return Err(io::Error::other(Unread(self.why_cut())));
        }
        self.left -= n as u64;
        Ok(n)
    }

    /// Why a member is not whole, after all that there is was read.
    fn why_cut(&self) -> SkipReason {
        let at = self.at;
        match &self.end {
            Some(Err(SkipReason { reason, detail, .. })) => {
                SkipReason::new(*reason, format!("{detail} at byte {at} of the archive"))
            }
            _ => SkipReason::new(
                Reason::Truncated,
                format!("the archive ends at byte {at}, before a member of it does"),
            ),
        }
    }
}

fn lock<'a, 'e>(archive: &'a Mutex<Archive<'e>>) -> MutexGuard<'a, Archive<'e>> {
    archive.lock().unwrap_or_else(|e| e.into_inner())
}

/// Gives the bytes of the member that is being read.
struct Inner<'e>(Arc<Mutex<Archive<'e>>>);

impl Read for Inner<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        lock(&self.0).read(buf)
    }
}

/// The members of an archive, one after the other.
struct Members<'e> {
    file: usize,
    control: Control<'e>,
    host: &'e dyn Host<'e>,
    archive: Arc<Mutex<Archive<'e>>>,
    /// The index of the member that is being read, or else of the next one.
    index: u64,
    /// Where that begins in the archive: its first header, or zeros before it.
    next_at: u64,
    /// Zeros that end an archive were met, and no header since.
    is_ended: bool,
    current: Option<Current<'e>>,
    /// What an earlier run did of the member that is next: how far its reading was, and what it handed out after that.
    had: Option<(Option<Reached>, HandedOut)>,
    is_unchecked: bool,
    /// Whether what was left last, of a member that is longer than a chunk, was UTF-16.
    was_utf16: bool,
}

/// A member that is read through the archive.
struct Current<'e> {
    reading: Box<dyn Reading<'e> + 'e>,
    handed_out: HandedOut,
    had: HandedOut,
    /// What fills its last block.
    filling: u64,
}

impl<'e> Reading<'e> for Members<'e> {
    fn file(&self) -> usize {
        self.file
    }

    fn is_unchecked(&self) -> bool {
        self.is_unchecked || lock(&self.archive).input.unchecked.load(Relaxed)
    }

    fn was_utf16(&self) -> bool {
        self.was_utf16
    }

    fn bytes_read(&self) -> u64 {
        lock(&self.archive).input.read.load(Relaxed)
    }

    fn reached(&self) -> Option<Reached> {
        let inside = match (&self.current, &self.had) {
            (Some(Current { reading, handed_out, had, .. }), _) => {
                let reached = reading.reached().map(Box::new);
                // What goes on by itself does so after what it handed out.
                let had = match reached {
                    Some(_) => HandedOut::default(),
                    None => handed_out.or(*had),
                };
                Inside::Member { reached, had }
            }
            (None, Some((reached, had))) => {
                Inside::Member { reached: reached.clone().map(Box::new), had: *had }
            }
            (None, None) => Inside::Nothing,
        };
        Some(Reached { bytes: self.next_at, line: self.index, stored: [0; 2], inside })
    }

    fn step(&mut self, buf: &mut Vec<u8>, config: &StreamConfig) -> Step<'e> {
        match self.current.take() {
            Some(current) => self.go_on(current, buf, config),
            None => {
                self.was_utf16 = false;
                self.members(config)
            }
        }
    }
}

impl<'e> Members<'e> {
    /// Reads on in a member.
    fn go_on(
        &mut self,
        mut current: Current<'e>,
        buf: &mut Vec<u8>,
        config: &StreamConfig,
    ) -> Step<'e> {
        let mut step = current.reading.step(buf, config);
        self.was_utf16 = current.reading.was_utf16();
        current.handed_out.pass_over(&current.had, &mut step);
        if !step.end {
            self.current = Some(current);
            return step;
        }
        self.is_unchecked |= current.reading.is_unchecked();
        let archive = self.archive.clone();
        let mut archive = lock(&archive);
        // Then the member has told that reading failed.
        step.end = archive.end.is_some() && archive.held().is_empty() && archive.left > 0;
        self.leave(&mut archive, current.filling);
        step
    }

    /// The rest of the member, and so many bytes after it, are passed over.
    fn leave(&mut self, archive: &mut Archive, filling: u64) {
        archive.skip = archive.left.saturating_add(filling);
        archive.left = 0;
        self.next_at = archive.at.saturating_add(archive.skip);
        self.index += 1;
    }

    /// Hands out the members that are held whole, or begins to read a longer one.
    fn members(&mut self, config: &StreamConfig) -> Step<'e> {
        let mut step = Step::default();
        let archive = self.archive.clone();
        let mut archive = lock(&archive);
        archive.hold(config.chunk, self.control);
        if !archive.pass_skipped() {
            if archive.end.is_some() {
                step.bad.push((At::Byte(archive.at).into(), archive.why_cut()));
                step.end = true;
            }
            return step;
        }
        let mut whole = Vec::new();
        while !self.control.cancel.load(Relaxed) {
            match header::next(archive.held()) {
                Next::Zeros => {
                    self.is_ended = true;
                    archive.pass(BLOCK);
                }
                Next::Member(head) => {
                    match self.member(&mut archive, head, config.chunk, &mut whole, &mut step) {
                        After::Header => {}
                        After::Nothing => break,
                        After::Member(member, size, filling) => {
                            // Its reading takes it from there.
                            drop(archive);
                            self.begin(member, size, filling, &mut step);
                            return step;
                        }
                    }
                }
                // What is held is handed out first, so that it grows no longer than it must.
                Next::More(_) if !whole.is_empty() => break,
                Next::More(len) if archive.end.is_none() => archive.hold(len, self.control),
                Next::More(_) => {
                    step.bad.extend(self.why_ended(&archive));
                    step.end = true;
                    break;
                }
                Next::Damaged(offset, why) => {
                    step.bad.push(self.no_header(archive.at + offset as u64, &why));
                    step.end = true;
                    break;
                }
            }
        }
        if !whole.is_empty() {
            step.chunk = Some(Chunk::Members(whole));
        }
        if self.control.cancel.load(Relaxed) {
            step.end = true;
        }
        step
    }

    /// What becomes of the member that `head` tells of, which the held bytes begin with.
    fn member(
        &mut self,
        archive: &mut Archive,
        head: Head,
        chunk: usize,
        whole: &mut Vec<WholeMember>,
        step: &mut Step,
    ) -> After {
        let Head { len, size, name, kind } = head;
        let filling = (BLOCK as u64 - size % BLOCK as u64) % BLOCK as u64;
        self.is_ended = false;
        let name = name_of_bytes(&name);
        let is_wanted = kind != Kind::NoFile && self.host.wants_member(&name);
        let member = Arc::new(Member { index: self.index, name });
        if let (Kind::Unsupported(what), true) = (kind, is_wanted) {
            let detail = format!(
                "not supported yet: {what} in an archive; to count it, extract it and name the file"
            );
            let position = Position { member: Some(member.clone()), at: At::Whole };
            step.bad.push((position, SkipReason::new(Reason::UnsupportedFormat, detail)));
        }
        if kind != Kind::File || !is_wanted {
            self.had = None;
            archive.pass(len);
            archive.left = size;
            self.leave(archive, filling);
            return After::header(archive.pass_skipped());
        }
        let in_memory = usize::try_from(size).ok().filter(|_| self.had.is_none());
        match in_memory.map(|size| len.saturating_add(size)) {
            Some(end) if end <= archive.held().len() => {
                whole.push(WholeMember { member, bytes: archive.held()[len..end].to_vec() });
                archive.pass(end);
                self.leave(archive, filling);
                After::header(archive.pass_skipped())
            }
            _ if !whole.is_empty() => After::Nothing,
            Some(end) if end <= chunk && archive.end.is_none() => {
                archive.hold(end, self.control);
                After::Header
            }
            _ => {
                archive.pass(len);
                archive.left = size;
                After::Member(member, size, filling)
            }
        }
    }

    /// Begins to read a member through the archive.
    fn begin(&mut self, member: Arc<Member>, size: u64, filling: u64, step: &mut Step) {
        let position = Position { member: Some(member.clone()), at: At::Whole };
        step.members.begun += u64::from(self.had.is_none());
        let (reached, had) = self.had.take().unwrap_or_default();
        let (file, control) = (self.file, self.control);
        let bytes = Box::new(Inner(self.archive.clone()));
        let opening = MemberOpening { file, member, bytes, size, control, reached };
        match self.host.begin_member(opening) {
            BegunMember::Reading(reading) => {
                let handed_out = HandedOut::default();
                self.current = Some(Current { reading, handed_out, had, filling });
                return;
            }
            BegunMember::PassedBy => step.members.passed_by += 1,
            BegunMember::Unread { format, bad } => {
                step.members.unsupported.extend(format);
                step.bad.push((position, bad));
            }
        }
        let archive = self.archive.clone();
        self.leave(&mut lock(&archive), filling);
    }

    /// What is wrong with the end of the archive, if anything is.
    fn why_ended(&self, archive: &Archive) -> Option<(Position, SkipReason)> {
        let (at, rest) = (archive.at, archive.held());
        let bad = match &archive.end {
            Some(Err(SkipReason { reason, detail, .. })) => {
                let at = at + rest.len() as u64;
                SkipReason::new(*reason, format!("{detail} at byte {at} of the archive"))
            }
            _ if self.is_ended && rest.iter().all(|&byte| byte == 0) => return None,
            _ => SkipReason::new(
                Reason::Truncated,
                format!(
                    "the archive ends at byte {} without the zeros that end one: members may be missing",
                    at + rest.len() as u64
                ),
            ),
        };
        Some((At::Byte(at).into(), bad))
    }

    fn no_header(&self, at: u64, why: &str) -> (Position, SkipReason) {
        let detail = match self.is_ended {
            true => format!("after the end of the archive, at byte {at}, is something else"),
            false => format!("the header at byte {at} is damaged: {why}; nothing after it is read"),
        };
        (At::Byte(at).into(), SkipReason::new(Reason::Corrupt, detail))
    }
}

/// What comes after a member was looked at.
enum After {
    /// The next header.
    Header,
    /// Nothing, before more is read.
    Nothing,
    /// The member itself, which is so long, and what fills its last block.
    Member(Arc<Member>, u64, u64),
}

impl After {
    /// The next header, if all before it `is_held`.
    fn header(is_held: bool) -> After {
        match is_held {
            true => After::Header,
            false => After::Nothing,
        }
    }
}
