//! Events to sums: what was written, what each request sent of it, and what was recorded.
//!
//! Work is linear in what is read: a text is counted once, a conversation is a sum that grows, and a request sends that
//! sum. By kinds of texts it is not added up request by request: what is there when requests are counted later, less what
//! came after some of them, is the same (see [`Sent`]). What is kept grows with conversations and requests, not with their
//! texts.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::event::{Event, Kind, Name, Part, RecordedUsage, Role, Text};

/// What is grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageKey {
    /// Who speaks.
    Role,
    /// What a text is in a message.
    Part,
    /// The tool that is called, or whose result a text is.
    Tool,
    /// The language of a text.
    Language,
    /// The agent.
    Agent,
    /// The model that was asked.
    Model,
    /// The user.
    User,
    /// The session.
    Session,
    /// The day.
    Day,
}

impl UsageKey {
    /// All of them, with their names.
    pub const NAMES: [(&str, UsageKey); 9] = [
        ("agent", UsageKey::Agent),
        ("model", UsageKey::Model),
        ("role", UsageKey::Role),
        ("part", UsageKey::Part),
        ("tool", UsageKey::Tool),
        ("language", UsageKey::Language),
        ("user", UsageKey::User),
        ("session", UsageKey::Session),
        ("day", UsageKey::Day),
    ];

    fn is_of_texts(self) -> bool {
        matches!(self, UsageKey::Role | UsageKey::Part | UsageKey::Tool | UsageKey::Language)
    }

    fn of_text(self, kind: &Kind) -> Option<Name> {
        match self {
            UsageKey::Role => Some(kind.role.name().into()),
            UsageKey::Part => Some(kind.part.name().into()),
            UsageKey::Tool => kind.tool.clone(),
            UsageKey::Language => kind.language.clone(),
            _ => None,
        }
    }

    fn of_event(self, event: &Event) -> Option<Name> {
        match self {
            UsageKey::Agent => Some(event.agent.clone()),
            UsageKey::Model => event.model.clone(),
            UsageKey::User => event.user.clone(),
            UsageKey::Session => Some(event.session.clone()),
            UsageKey::Day => event.day.clone(),
            _ => None,
        }
    }
}

/// A request of a model: who asked, what it sent, and what was recorded.
#[derive(Debug, Clone)]
pub struct LoggedRequest {
    /// The session.
    pub session: Arc<str>,
    /// The agent.
    pub agent: Arc<str>,
    /// The model that was asked.
    pub model: Option<Arc<str>>,
    /// The user.
    pub user: Option<Arc<str>>,
    /// The day, as the log writes it.
    pub day: Option<Arc<str>>,
    /// Of its conversation, from 1.
    pub turn: u64,
    /// What the log says that it used.
    pub usage: Option<RecordedUsage>,
    /// Whether that is the last word, and no placeholder.
    pub is_final: bool,
    /// Tokens of its input by encoding; none where the log has no texts of it.
    pub sent: Option<Vec<u64>>,
    /// Those of them that no request of the conversation sent before, and that the model did not write.
    pub new: Vec<u64>,
    /// Those of them that the request before it begins with too.
    pub prefix: Vec<u64>,
    /// Tokens of the answer by encoding.
    pub answer: Vec<u64>,
}

/// Texts of one role and part in one group.
#[derive(Debug, Clone)]
pub struct TextFlow {
    /// Its group: a value for each key that was asked for.
    pub key: Vec<Option<Arc<str>>>,
    /// Who speaks.
    pub role: &'static str,
    /// What the texts are in messages.
    pub part: &'static str,
    /// How many were written.
    pub texts: u64,
    /// Their tokens by encoding.
    pub written: Vec<u64>,
    /// Tokens of them that requests sent, by encoding.
    pub sent: Vec<u64>,
    /// Tokens of those that the model wrote in answer to a request, by encoding.
    pub answered: Vec<u64>,
    /// What of `sent` was in requests beyond each of the limits.
    pub sent_over: Vec<u64>,
    /// What of `answered` was in answer to such requests.
    pub answered_over: Vec<u64>,
}

type Key = Vec<Option<Name>>;

/// Texts of one kind in one group: how many, and tokens by encoding.
struct Flow {
    texts: u64,
    written: Vec<u64>,
    sent: Vec<i64>,
    answered: Vec<u64>,
    sent_over: Vec<i64>,
    answered_over: Vec<u64>,
}

/// Texts of one kind in a history. `requests` of the conversation sent `tokens * requests + since`.
struct Sent {
    tokens: Vec<i64>,
    since: Vec<i64>,
    /// The same of the requests beyond each of the limits.
    since_over: Vec<i64>,
}

/// A text that no request has sent yet, and the event that it is of.
struct Pending {
    kind: Kind,
    counts: Arc<[u64]>,
    is_copy: bool,
    key: Key,
}

/// The history that the next request sends.
struct Conversation {
    kinds: HashMap<Kind, Sent>,
    total: Vec<u64>,
    pending: Vec<Pending>,
    new: Vec<u64>,
    /// What the request before sent.
    last: Vec<u64>,
    /// The texts, where a request may take some of them back.
    history: Option<Vec<(Kind, Arc<[u64]>)>>,
    request: Option<Name>,
    /// The number of that request; none of one that is another log's.
    current: Option<usize>,
    turns: u64,
    /// Those that sent the history and are not in the sums yet; all of them are in the group `key`.
    requests: i64,
    /// Those of them that are beyond each of the limits.
    over: Vec<i64>,
    key: Key,
}

/// All sums of a run.
pub(super) struct Flows {
    by: Vec<UsageKey>,
    of_events: Vec<UsageKey>,
    encodings: usize,
    /// By what events have of the keys.
    sums: Sums,
    pub requests: Vec<LoggedRequest>,
    by_name: HashMap<Name, usize>,
    conversations: HashMap<Name, Conversation>,
}

impl Flows {
    /// `limits` are numbers of encodings and of tokens, see [`super::LogJob::limits`].
    pub fn new(by: &[UsageKey], encodings: usize, limits: &[(usize, u64)]) -> Flows {
        let of_events: Vec<UsageKey> =
            by.iter().copied().filter(|key| !key.is_of_texts()).collect();
        Flows {
            by: by.to_vec(),
            sums: Sums { groups: HashMap::new(), encodings, limits: limits.to_vec() },
            of_events,
            encodings,
            requests: Vec::new(),
            by_name: HashMap::new(),
            conversations: HashMap::new(),
        }
    }

    /// Takes an event whose texts are counted.
    pub fn add(&mut self, event: Event) {
        let Flows { sums, requests, by_name, conversations, of_events, .. } = self;
        let talk = conversations.entry_ref(&event.thread);
        let talk = talk.or_insert_with(|| Conversation::new(sums.encodings, sums.limits.len()));
        let key = |model: &Option<Name>| -> Key {
            let of = |key: &UsageKey| match key {
                UsageKey::Model => model.clone(),
                key => key.of_event(&event),
            };
            of_events.iter().map(of).collect()
        };
        if let Some(keeps) = event.keeps {
            match &event.request {
                Some(_) => talk.keep(keeps, sums),
                None => talk.begin_anew(sums),
            }
        }
        let Some(name) = &event.request else {
            event.texts.iter().for_each(|text| talk.join_new(text, key(&event.model), sums));
            return;
        };
        if event.keeps.is_some() {
            event.texts.iter().for_each(|text| talk.join_new(text, key(&event.model), sums));
        }
        if talk.request.as_ref() != Some(name) {
            talk.request = Some(name.clone());
            let at_model = of_events.iter().position(|&key| key == UsageKey::Model);
            let request = talk.begin(&event, at_model, key(&event.model), sums);
            talk.current = match event.is_repeated {
                // One that another log has, which counts there.
                true => by_name.get(name).copied(),
                false => {
                    requests.push(request);
                    by_name.insert(name.clone(), requests.len() - 1);
                    Some(requests.len() - 1)
                }
            };
        }
        let mut current = talk.current.map(|number| &mut requests[number]);
        if let Some(request) = &mut current {
            if let Some(usage) = &event.usage {
                request.usage.get_or_insert_default().raise_to(usage);
                request.is_final |= event.is_final;
            }
            if request.model.is_none() {
                request.model = event.model.clone();
            }
        }
        let answer = if event.keeps.is_none() { &event.texts } else { &event.answer };
        for text in answer {
            talk.join(text, sums);
            if !text.is_copy {
                sums.write(&key(&event.model), &text.kind, &text.counts);
            }
            if let Some(request) = current.as_mut().filter(|_| !event.is_repeated) {
                add(&mut request.answer, &text.counts);
                if let Some(sent) = &request.sent {
                    sums.answer(&key(&event.model), &text.kind, &text.counts, sent);
                }
            }
        }
    }

    /// After the last event: texts that no request sent were written all the same. `agents` says what some are called.
    pub fn end(&mut self, agents: &HashMap<Name, Name>) -> Vec<TextFlow> {
        let called = |agent: &Name| agents.get(agent).unwrap_or(agent).clone();
        for mut talk in std::mem::take(&mut self.conversations).into_values() {
            talk.settle(&mut self.sums);
            for text in talk.pending.iter().filter(|text| !text.is_copy) {
                self.sums.write(&text.key, &text.kind, &text.counts);
            }
        }
        for request in &mut self.requests {
            request.agent = called(&request.agent);
        }
        let mut found: BTreeMap<(Key, Role, Part), Flow> = BTreeMap::new();
        for (of_events, flows) in std::mem::take(&mut self.sums.groups) {
            for (kind, flow) in flows {
                let mut of_events = self.of_events.iter().zip(&of_events);
                let of = |key: &UsageKey| match key {
                    key if key.is_of_texts() => key.of_text(&kind),
                    UsageKey::Agent => of_events.next()?.1.as_ref().map(called),
                    _ => of_events.next()?.1.clone(),
                };
                let key = self.by.iter().map(of).collect();
                let nothing = || Flow::new(self.encodings, self.sums.limits.len());
                let same = found.entry((key, kind.role, kind.part)).or_insert_with(nothing);
                same.texts += flow.texts;
                add(&mut same.written, &flow.written);
                add(&mut same.sent, &flow.sent);
                add(&mut same.answered, &flow.answered);
                add(&mut same.sent_over, &flow.sent_over);
                add(&mut same.answered_over, &flow.answered_over);
            }
        }
        let flow = |((key, role, part), flow): ((Key, Role, Part), Flow)| TextFlow {
            key,
            role: role.name(),
            part: part.name(),
            texts: flow.texts,
            written: flow.written,
            sent: flow.sent.into_iter().map(|tokens| tokens as u64).collect(),
            answered: flow.answered,
            sent_over: flow.sent_over.into_iter().map(|tokens| tokens as u64).collect(),
            answered_over: flow.answered_over,
        };
        found.into_iter().map(flow).collect()
    }
}

impl Conversation {
    fn new(encodings: usize, limits: usize) -> Conversation {
        let nothing = vec![0; encodings];
        Conversation {
            kinds: HashMap::new(),
            total: nothing.clone(),
            pending: Vec::new(),
            new: nothing.clone(),
            last: nothing,
            history: None,
            request: None,
            current: None,
            turns: 0,
            requests: 0,
            over: vec![0; limits],
            key: Key::new(),
        }
    }

    /// The request that an event begins.
    fn begin(
        &mut self,
        event: &Event,
        at_model: Option<usize>,
        key: Key,
        sums: &mut Sums,
    ) -> LoggedRequest {
        let nothing = || vec![0; sums.encodings];
        let mut request = LoggedRequest {
            session: event.session.clone(),
            agent: event.agent.clone(),
            model: event.model.clone(),
            user: event.user.clone(),
            day: event.day.clone(),
            turn: self.turns + 1,
            usage: None,
            is_final: false,
            sent: None,
            new: Vec::new(),
            prefix: Vec::new(),
            answer: nothing(),
        };
        let new = std::mem::replace(&mut self.new, nothing());
        for mut text in std::mem::take(&mut self.pending) {
            if let (Some(at), Some(_)) = (at_model, &event.model) {
                text.key[at] = event.model.clone();
            }
            if !text.is_copy {
                sums.write(&text.key, &text.kind, &text.counts);
            }
        }
        let prefix = std::mem::replace(&mut self.last, self.total.clone());
        self.turns += 1;
        if !event.is_repeated && event.has_texts {
            (request.sent, request.new, request.prefix) = (Some(self.total.clone()), new, prefix);
            if key != self.key {
                self.settle(sums);
                self.key = key;
            }
            self.requests += 1;
            for (over, &(encoding, most)) in self.over.iter_mut().zip(&sums.limits) {
                *over += i64::from(self.total[encoding] > most);
            }
        }
        request
    }

    /// Adds a text that the model did not write.
    fn join_new(&mut self, text: &Text, key: Key, sums: &Sums) {
        self.join(text, sums);
        if !text.is_copy {
            add(&mut self.new, &text.counts);
        }
        let (kind, counts) = (text.kind.clone(), text.counts.clone());
        self.pending.push(Pending { kind, counts, is_copy: text.is_copy, key });
    }

    fn join(&mut self, text: &Text, sums: &Sums) {
        let nothing = || Sent {
            tokens: vec![0; sums.encodings],
            since: vec![0; sums.encodings],
            since_over: vec![0; sums.limits.len()],
        };
        let sent = self.kinds.entry_ref(&text.kind).or_insert_with(nothing);
        for (i, &count) in text.counts.iter().enumerate() {
            sent.tokens[i] += count as i64;
            sent.since[i] -= count as i64 * self.requests;
            self.total[i] += count;
        }
        for (j, &(encoding, _)) in sums.limits.iter().enumerate() {
            sent.since_over[j] -= tokens_of(&text.counts, encoding) as i64 * self.over[j];
        }
        if let Some(history) = &mut self.history {
            history.push((text.kind.clone(), text.counts.clone()));
        }
    }

    /// Takes back all texts of the history but the first `keeps`.
    fn keep(&mut self, keeps: usize, sums: &Sums) {
        let history = self.history.get_or_insert_default();
        for (kind, counts) in history.drain(keeps.min(history.len())..) {
            let sent = self.kinds.get_mut(&kind).expect("it joined");
            for (i, &count) in counts.iter().enumerate() {
                sent.tokens[i] -= count as i64;
                sent.since[i] += count as i64 * self.requests;
                self.total[i] -= count;
            }
            for (j, &(encoding, _)) in sums.limits.iter().enumerate() {
                sent.since_over[j] += tokens_of(&counts, encoding) as i64 * self.over[j];
            }
        }
        self.limit_prefix();
    }

    fn begin_anew(&mut self, sums: &mut Sums) {
        self.settle(sums);
        self.kinds.clear();
        self.total.fill(0);
        self.history = None;
        self.limit_prefix();
    }

    fn limit_prefix(&mut self) {
        for (last, &total) in self.last.iter_mut().zip(&self.total) {
            *last = total.min(*last);
        }
    }

    /// Adds what the requests of a conversation sent to the sums of their group.
    fn settle(&mut self, sums: &mut Sums) {
        if self.requests > 0 {
            for (kind, sent) in &mut self.kinds {
                let limits = sums.limits.clone();
                let flow = sums.flow(&self.key, kind);
                for (j, (encoding, _)) in limits.into_iter().enumerate() {
                    flow.sent_over[j] += sent.tokens[encoding] * self.over[j]
                        + std::mem::take(&mut sent.since_over[j]);
                }
                for (i, tokens) in sent.tokens.iter().enumerate() {
                    flow.sent[i] += tokens * self.requests + std::mem::take(&mut sent.since[i]);
                }
            }
        }
        self.requests = 0;
        self.over.fill(0);
    }
}

struct Sums {
    groups: HashMap<Key, HashMap<Kind, Flow>>,
    encodings: usize,
    limits: Vec<(usize, u64)>,
}

impl Sums {
    fn write(&mut self, key: &Key, kind: &Kind, counts: &[u64]) {
        let flow = self.flow(key, kind);
        flow.texts += 1;
        add(&mut flow.written, counts);
    }

    /// A text that the model wrote in answer to a request, which sent so many tokens by encoding.
    fn answer(&mut self, key: &Key, kind: &Kind, counts: &[u64], sent: &[u64]) {
        let limits = self.limits.clone();
        let flow = self.flow(key, kind);
        add(&mut flow.answered, counts);
        for (over, (encoding, most)) in flow.answered_over.iter_mut().zip(limits) {
            *over += if sent[encoding] > most { tokens_of(counts, encoding) } else { 0 };
        }
    }

    fn flow(&mut self, key: &Key, kind: &Kind) -> &mut Flow {
        let flows = self.groups.entry_ref(key).or_default();
        let limits = self.limits.len();
        flows.entry_ref(kind).or_insert_with(|| Flow::new(self.encodings, limits))
    }
}

impl Flow {
    fn new(encodings: usize, limits: usize) -> Flow {
        Flow {
            texts: 0,
            written: vec![0; encodings],
            sent: vec![0; encodings],
            answered: vec![0; encodings],
            sent_over: vec![0; limits],
            answered_over: vec![0; limits],
        }
    }
}

fn add<N: Copy + std::ops::AddAssign>(sums: &mut [N], more: &[N]) {
    sums.iter_mut().zip(more).for_each(|(sum, &more)| *sum += more);
}

/// What a text has under an encoding; nothing where it is none.
fn tokens_of(counts: &[u64], encoding: usize) -> u64 {
    counts.get(encoding).copied().unwrap_or_default()
}
