//! Paths of a store to a list of inputs: objects, folders (all names that begin with one) and patterns, by the rules that
//! `find` has for files. There are no links and no lists of what git ignores; hidden is what has a part that begins with
//! a dot.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use globset::GlobMatcher;

use super::find::{Found, Identity, WILDCARDS, Walk, glob};
use super::object::{self, Answer, Object, ObjectInfo, Store, StoreError, redact};
use super::{Input, InputKind};
use crate::Error;
use crate::entry::Entry;
use crate::position::Position;
use crate::skip_reason::{Reason, SkipReason};

/// So many places are looked for at once.
const PLACES_AHEAD: usize = 16;

/// What is at paths, which is asked for some paths ahead: many requests take about as long as one.
pub(super) struct Stats<'p, P> {
    paths: P,
    walk: Walk<'p>,
    /// For each path that was asked for and not looked for yet; nothing where there is nothing to ask.
    asked: VecDeque<Option<Stat>>,
}

/// What a store says of an object.
pub(super) type Stat = Answer<Option<ObjectInfo>>;

impl<'p, P: Iterator<Item = &'p PathBuf>> Stats<'p, P> {
    pub fn new(paths: P, walk: Walk<'p>) -> Stats<'p, P> {
        Stats { paths, walk, asked: VecDeque::new() }
    }

    /// What was asked for the next path.
    pub fn next(&mut self) -> Option<Stat> {
        while self.asked.len() < PLACES_AHEAD
            && let Some(path) = self.paths.next()
        {
            let place = Place::of(path, self.walk).filter(Place::may_be_object);
            self.asked.push_back(place.map(|place| place.store.stat(place.path)));
        }
        self.asked.pop_front().flatten()
    }
}

/// A path that is a store's.
pub(super) struct Place<'p> {
    path: &'p str,
    store: &'p Arc<dyn Store>,
    walk: Walk<'p>,
}

impl<'p> Place<'p> {
    pub fn of(path: &'p Path, walk: Walk<'p>) -> Option<Place<'p>> {
        let (path, store) = (path.to_str()?, walk.store?);
        store.has(path).then_some(Place { path, store, walk })
    }

    fn may_be_object(&self) -> bool {
        !self.path.is_empty() && !self.path.ends_with('/')
    }

    /// What was named, which must exist. Its `stat` was asked for.
    pub fn find_named(&self, stat: Option<Stat>, found: &mut Found) -> Result<(), Error> {
        if self.find_existing(stat, found)? {
            return Ok(());
        }
        let Some(pattern) = Pattern::of(self.path)? else {
            return Err(Error::NotFound { path: redact(self.path) });
        };
        let wanted = |below: &str| pattern.wanted(below);
        let hidden = self.walk.hidden || pattern.names_hidden;
        if !self.find_below(pattern.base, hidden, &wanted, found)? {
            let message = format!("{}: no file matches this pattern", redact(self.path));
            return Err(Error::NoInput { message });
        }
        Ok(())
    }

    /// What a list names. Its `stat` was asked for.
    pub fn find_listed(&self, stat: Option<Stat>, found: &mut Found) -> Result<(), Error> {
        if !self.find_existing(stat, found)? {
            let why = "there is no such object, and no folder with something to read";
            found.bad.push(self.entry(Reason::NotFound, why));
        }
        Ok(())
    }

    fn find_existing(&self, stat: Option<Stat>, found: &mut Found) -> Result<bool, Error> {
        if let Some(stat) = stat {
            match self.ask(stat, found)? {
                Told::Answer(Some(info)) => {
                    found.inputs.push(self.input(self.path.to_owned(), None, info));
                    return Ok(true);
                }
                Told::Answer(None) => {}
                Told::Bad => return Ok(true),
            }
        }
        let slash = if self.path.is_empty() || self.path.ends_with('/') { "" } else { "/" };
        let folder = format!("{}{slash}", self.path);
        self.find_below(&folder, self.walk.hidden, &|_| Some(false), found)
    }

    /// Adds the objects below `folder` that are `wanted`, which says whether they are unpacked. Whether there are any.
    fn find_below(
        &self,
        folder: &str,
        hidden: bool,
        wanted: &dyn Fn(&str) -> Option<bool>,
        found: &mut Found,
    ) -> Result<bool, Error> {
        let mut infos = match self.ask(self.store.list(folder), found)? {
            Told::Answer(infos) => infos,
            Told::Bad => return Ok(true),
        };
        infos.sort_by(|a, b| a.below.cmp(&b.below));
        let before = found.inputs.len();
        for info in infos {
            let is_hidden = info.below.split('/').any(|part| part.starts_with('.'));
            // Some tools make a folder by an object of its name that is empty.
            if info.below.is_empty() || info.below.ends_with('/') || (is_hidden && !hidden) {
                continue;
            }
            if let Some(unpack) = wanted(&info.below) {
                let path = format!("{folder}{}", info.below);
                found.inputs.push(self.input(path, Some((folder, unpack)), info));
            }
        }
        Ok(found.inputs.len() > before)
    }

    fn input(&self, path: String, below: Option<(&str, bool)>, info: ObjectInfo) -> Input {
        let name = redact(&path);
        let folder = below.map(|(folder, _)| redact(folder));
        let named = match &folder {
            Some(folder) => folder.trim_end_matches('/').split('/').count(),
            None => name.split('/').count() - 1,
        };
        Input {
            path: (&name).into(),
            named: if folder.is_some_and(|folder| folder.is_empty()) { 0 } else { named },
            name,
            size: Some(info.size),
            modified: None,
            explicit: below.is_none(),
            unpack: below.is_none_or(|(_, unpack)| unpack),
            kind: InputKind::File,
            identity: Identity::Object(path.clone()),
            object: Some(Arc::new(Object::new(self.store.clone(), path, info))),
            slice: None,
        }
    }

    fn ask<T>(&self, mut answer: Answer<T>, found: &mut Found) -> Result<Told<T>, Error> {
        match object::wait(&mut *answer, &|| self.walk.cancel.load(Relaxed)) {
            None => Err(Error::Interrupted),
            Some(Ok(answer)) => Ok(Told::Answer(answer)),
            Some(Err(StoreError::Run(e))) => Err(Error::Store(e)),
            Some(Err(StoreError::Row(reason, why))) => {
                found.bad.push(self.entry(reason, &why));
                Ok(Told::Bad)
            }
        }
    }

    /// The ledger's entry for the whole place.
    fn entry(&self, reason: Reason, why: &str) -> Entry {
        let SkipReason { reason, detail, rows } = SkipReason::new(reason, why);
        Entry { file: redact(self.path), position: Position::default(), reason, detail, rows }
    }
}

/// What a store says to a question.
enum Told<T> {
    Answer(T),
    /// It does not answer, and the ledger has the place.
    Bad,
}

/// A path with wildcards: what is before the first part that has one, and the rest.
struct Pattern<'p> {
    base: &'p str,
    matcher: GlobMatcher,
    names_hidden: bool,
}

impl<'p> Pattern<'p> {
    fn of(path: &'p str) -> Result<Option<Pattern<'p>>, Error> {
        let Some(wild) = path.find(WILDCARDS) else { return Ok(None) };
        let (base, rest) = path.split_at(path[..wild].rfind('/').map_or(0, |slash| slash + 1));
        let matcher = glob(rest, &redact(path))?;
        let names_hidden = rest.split('/').any(|part| part.starts_with('.'));
        Ok(Some(Pattern { base, matcher, names_hidden }))
    }

    /// Whether what is at `below` the base is wanted, and unpacked. A pattern may match a folder; then all that is in it is
    /// meant.
    fn wanted(&self, below: &str) -> Option<bool> {
        let folders = below.match_indices('/').map(|(slash, _)| &below[..slash]);
        let is_match = self.matcher.is_match(below);
        (is_match || folders.into_iter().any(|folder| self.matcher.is_match(folder)))
            .then_some(is_match)
    }
}

/// Numbers the objects whose names differ only in what may not be shown, such as the query of a URL.
pub(super) fn tell_names_apart(inputs: &mut [Input]) {
    let mut met: HashMap<String, u64> = HashMap::new();
    for input in inputs.iter_mut().filter(|input| input.object.is_some()) {
        let times = met.entry(input.name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            input.name = format!("{} ({times})", input.name);
        }
    }
}
