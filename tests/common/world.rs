//! A small world without network: the real engine on a real store, a clock that is a value, an outgoing server that
//! answers as it is told. Every mail that leaves is kept word for word.

#![allow(dead_code, reason = "each test crate uses its own part")]

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use klachtd::answers::{self, Added, Ask, Reply};
use klachtd::desk;
use klachtd::domain::fact::NoticeId;
use klachtd::domain::house::{House, Limits, Mailbox, Staff};
use klachtd::domain::mail::{Language, Party};
use klachtd::domain::notice::NoticeKind;
use klachtd::domain::signing::sha256_hex;
use klachtd::engine::{Arrived, Engine, Outcome, Settings};
use klachtd::health::Health;
use klachtd::outbox::deliver::{Delivery, Dispatch};
use klachtd::outbox::replies;
use klachtd::outbox::templates::Templates;
use klachtd::register;
use klachtd::rules::Rules;
use klachtd::store::{Commit, CountKey, Store};
use mail_parser::MessageParser;

/// The secret of every world, so that Message-IDs are the same each time.
const SECRET: [u8; 32] = [7; 32];

/// A mail that left.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) at: Timestamp,
    pub(crate) envelope_from: String,
    pub(crate) to: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) reply: String,
}

impl Sent {
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let message = MessageParser::default().parse(&self.bytes)?;
        Some(message.header_raw(name)?.split_whitespace().collect::<Vec<_>>().join(" "))
    }

    pub(crate) fn subject(&self) -> String {
        MessageParser::default()
            .parse(&self.bytes)
            .and_then(|m| m.subject().map(str::to_owned))
            .unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        let message = MessageParser::default().parse(&self.bytes).expect("a mail of ours can be read");
        message.body_text(0).map(|t| t.replace('\r', "")).unwrap_or_default()
    }
}

/// The text without the long links that open a reply: they are tested by themselves.
fn without_links(text: &str) -> String {
    let shorter = |line: &str| match line.find("mailto:") {
        Some(at) => format!("{}mailto:…", &line[..at]),
        None => line.to_owned(),
    };
    text.trim_end().lines().map(shorter).collect::<Vec<_>>().join("\n")
}

/// A house as it is written down here: name, address, who stands for which role, and name, address and roles of all.
type Cast = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str, &'static [&'static str])],
);

/// The houses that the worlds stand in: a mailbox, and people in the roles of its procedure.
pub(crate) fn house(procedure: &str) -> House {
    let (name, email, roles, people): Cast = match procedure {
        "webshop" => (
            "De Webshop",
            "complaints@shop.test",
            &[
                ("receiver", "rosa@shop.test"),
                ("manager", "mark@shop.test"),
                ("handler", "mark@shop.test"),
                ("board", "berta@shop.test"),
            ],
            &[
                ("Rosa Receptie", "rosa@shop.test", &["receiver"]),
                ("Mark Manager", "mark@shop.test", &["manager"]),
                ("Hanna Hulp", "hanna@shop.test", &["handler"]),
                ("Berta Bestuur", "berta@shop.test", &["board", "operator"]),
            ],
        ),
        "websec" => (
            "WebSec",
            "complaints@websec.test",
            &[
                ("handler", "joel@websec.test"),
                ("committee", "karim@websec.test"),
                ("confidant", "vera@websec.test"),
            ],
            &[
                ("Joel Ossi", "joel@websec.test", &["handler"]),
                ("Karim Commissie", "karim@websec.test", &["committee", "operator"]),
                ("Vera Vertrouwen", "vera@websec.test", &["confidant"]),
            ],
        ),
        "ingressus" => (
            "Ingressus",
            "klachten@ingressus.test",
            &[("handler", "ilse@ingressus.test"), ("board", "dirk@ingressus.test")],
            &[
                ("Ilse Jansen", "ilse@ingressus.test", &["handler"]),
                ("Dirk Directie", "dirk@ingressus.test", &["board", "operator"]),
            ],
        ),
        "act" => (
            "ACT Webservice",
            "directie@act.test",
            &[("handler", "anna@act.test")],
            &[
                ("Anna de Wit", "anna@act.test", &["handler"]),
                ("Bas Bestuur", "bas@act.test", &["board", "operator"]),
            ],
        ),
        _ => (
            "OmniStock Directie",
            "directie@omnistock.test",
            &[("handler", "jan@omnistock.test")],
            &[
                ("Jan Jansen", "jan@omnistock.test", &["handler"]),
                ("Berta Bestuur", "berta@omnistock.test", &["board", "operator"]),
            ],
        ),
    };
    let staff = |(name, email, roles): &(&str, &str, &[&str])| Staff {
        name: (*name).to_owned(),
        email: (*email).to_owned(),
        language: Language::Nl,
        mailboxes: Vec::new(),
        roles: roles.iter().map(|r| (*r).to_owned()).collect(),
    };
    let domain = email.rsplit('@').next().unwrap_or_default();
    House {
        mailboxes: vec![Mailbox {
            name: procedure.to_owned(),
            procedure: procedure.to_owned(),
            from: Party { name: Some(name.to_owned()), email: email.to_owned() },
            aliases: vec![format!("klachten@{domain}")],
            delimiter: "+".to_owned(),
            trusted_authserv: format!("mx.{domain}"),
            form_senders: vec![format!("formulier@{domain}")],
            roles: roles.iter().map(|(role, email)| ((*role).to_owned(), (*email).to_owned())).collect(),
        }],
        staff: people.iter().map(staff).collect(),
        limits: Limits::default(),
    }
}

/// The world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) engine: Engine,
    pub(crate) now: Timestamp,
    pub(crate) zone: TimeZone,
    pub(crate) sent: Vec<Sent>,
    /// The morning digests that left; `sent` leaves them out.
    pub(crate) digests: Vec<Sent>,
    /// What the outgoing server answers next to an address; `250` when nothing stands here.
    pub(crate) answers: BTreeMap<String, VecDeque<Delivery>>,
    mailbox: String,
    mails: u32,
    directory: tempfile::TempDir,
}

impl World {
    /// A new world at `now`, with the procedure's source changed by `change`.
    pub(crate) async fn new(procedure: &str, now: Timestamp, change: impl FnOnce(&mut House)) -> Self {
        Self::with_rules(procedure, now, change, None).await
    }

    pub(crate) async fn with_rules(
        procedure: &str,
        now: Timestamp,
        change: impl FnOnce(&mut House),
        rules: Option<Rules>,
    ) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::write(directory.path().join("secret"), SECRET).expect("the secret is written");
        let store = Store::open(directory.path()).expect("a new store opens");
        let mut house = house(procedure);
        change(&mut house);
        let rules = rules.unwrap_or_else(|| Rules::load(None).0);
        let zone = rules.get(procedure).expect("the procedure is there").procedure.rules.zone.clone();
        let settings =
            Settings { house, rules, templates: Templates::built_in().expect("our own templates are right") };
        let mut engine = Engine::start(store, settings).await.expect("the engine starts");
        // As the daemon does before it takes its first mail.
        engine.tick(now, 100).await.expect("a tick");
        Self {
            engine,
            now,
            zone,
            sent: Vec::new(),
            digests: Vec::new(),
            answers: BTreeMap::new(),
            mailbox: procedure.to_owned(),
            mails: 0,
            directory,
        }
    }

    /// A mail comes in now, and everything that follows at once happens.
    pub(crate) async fn mail(&mut self, raw: &[u8]) -> Outcome {
        self.mails += 1;
        let place = format!("imap:1/{}", self.mails);
        let outcome = self.mail_at(raw, &place, Some((1, self.mails))).await;
        self.settle_down().await;
        outcome
    }

    pub(crate) async fn mail_at(&mut self, raw: &[u8], place: &str, cursor: Option<(u32, u32)>) -> Outcome {
        let arrived = self.arrived(raw, place, cursor).await;
        let outcomes = self.engine.take(&[arrived], self.now).await.expect("the letter is taken");
        outcomes.into_iter().next().expect("one outcome for one mail")
    }

    /// A mail as it is read, before anything is decided.
    pub(crate) async fn arrived(&self, raw: &[u8], place: &str, cursor: Option<(u32, u32)>) -> Arrived {
        let signer = self.engine.store().signer().clone();
        let settings = self.engine.settings().clone();
        let letter = desk::read_one(raw, &settings, &self.mailbox, &|id| signer.notice_of(id).is_some())
            .expect("the mailbox is there");
        self.engine.store().keep(vec![raw.to_vec()]).await.expect("the raw mail is saved");
        Arrived {
            mailbox: self.mailbox.clone(),
            place: place.to_owned(),
            cursor,
            taken_at: self.now,
            size: raw.len() as u64,
            sha256: sha256_hex(raw),
            letter,
            set_aside: None,
        }
    }

    /// Several mails in one batch, without sending in between.
    pub(crate) async fn mails_at_once(&mut self, raws: &[&[u8]]) -> Vec<Outcome> {
        let mut batch = Vec::new();
        for raw in raws {
            self.mails += 1;
            batch.push(self.arrived(raw, &format!("imap:1/{}", self.mails), Some((1, self.mails))).await);
        }
        self.engine.take(&batch, self.now).await.expect("the letters are taken")
    }

    /// The service ends without a word and starts again on the same store.
    pub(crate) async fn restart(&mut self) {
        let rules = self.engine.settings().rules.clone();
        self.restart_under(rules).await;
    }

    /// The same with other procedures.
    pub(crate) async fn restart_under(&mut self, rules: Rules) {
        let settings = self.engine.settings();
        let settings =
            Settings { house: settings.house.clone(), rules, templates: settings.templates.clone() };
        let store = self.engine.store().clone();
        self.engine = Engine::start(store, settings).await.expect("the engine starts");
        self.engine.wake_outbox(self.now).await.expect("the outbox wakes");
    }

    /// Lets the clock run to `until`, stopping wherever something asks for it.
    pub(crate) async fn run_until(&mut self, until: Timestamp) {
        self.settle_down().await;
        for _ in 0..100_000 {
            let next = self.engine.next_moment(&[]).expect("the store can be read");
            match next {
                Some(next) if next <= until => {
                    assert!(
                        next > self.now,
                        "something is still due at {next}, but the clock stands at {}",
                        self.now
                    );
                    self.now = next;
                    self.settle_down().await;
                }
                _ => {
                    self.now = self.now.max(until);
                    return;
                }
            }
        }
        panic!("the world does not come to rest before {until}");
    }

    /// No digest for so long that no test sees one: the store says that they were made.
    pub(crate) async fn quiet_mornings(&mut self) {
        let today = self.now.to_zoned(self.zone.clone()).date();
        let days = today.series(1.day()).take(1000);
        let counts = days.map(|day| (CountKey::Digest(day), 1)).collect();
        let commit = Commit { at: self.now, counts, ..Commit::default() };
        self.engine.store().commit(vec![commit]).await.expect("counts can be kept");
    }

    /// Does all that is due now, until nothing is.
    pub(crate) async fn settle_down(&mut self) {
        for _ in 0..100 {
            let looked_at = self.engine.tick(self.now, 100).await.expect("a tick");
            let house = self.engine.settings().house.clone();
            let mut claimed = Vec::new();
            for mailbox in &house.mailboxes {
                claimed.extend(self.engine.claim(&mailbox.name, self.now, 64).await.expect("a claim"));
            }
            if claimed.is_empty() && looked_at == 0 {
                return;
            }
            for dispatch in claimed {
                self.send(dispatch).await;
            }
        }
        panic!("at {} there is always something more to do", self.now);
    }

    async fn send(&mut self, dispatch: Dispatch) {
        let told = self.answers.get_mut(&dispatch.to).and_then(VecDeque::pop_front);
        let delivery = told.unwrap_or_else(|| Delivery::Accepted {
            reply: format!("250 2.0.0 Ok: queued as {}", dispatch.id),
        });
        let reply = match &delivery {
            Delivery::Accepted { reply } | Delivery::Deferred { reply } | Delivery::Rejected { reply } => {
                reply.clone()
            }
            Delivery::Unknown { reason } | Delivery::Away { reason } => reason.clone(),
            Delivery::NotBegun => String::new(),
        };
        let entry = self.engine.store().outgoing(NoticeId(dispatch.id)).expect("the store can be read");
        let is_digest = entry.is_some_and(|entry| entry.kind == NoticeKind::StaffDigest);
        let left = if is_digest { &mut self.digests } else { &mut self.sent };
        left.push(Sent {
            at: self.now,
            envelope_from: dispatch.envelope_from.clone(),
            to: dispatch.to.clone(),
            bytes: dispatch.bytes.to_vec(),
            reply,
        });
        self.engine
            .settle(&[(NoticeId(dispatch.id), delivery)], self.now)
            .await
            .expect("a delivery is recorded");
    }

    /// Takes a content away, as a damaged disk does.
    pub(crate) fn lose(&self, sha256: &str) {
        std::fs::remove_file(self.content_file(sha256)).expect("the content is there");
    }

    /// Puts something in the place of a content that can't be read.
    pub(crate) fn obstruct(&self, sha256: &str) {
        self.lose(sha256);
        std::fs::create_dir(self.content_file(sha256)).expect("its place is free");
    }

    fn content_file(&self, sha256: &str) -> std::path::PathBuf {
        self.directory.path().join("blob").join(&sha256[..1]).join(sha256)
    }

    /// Mail comes into another mailbox of the house from now on.
    pub(crate) fn turn_to(&mut self, mailbox: &str) {
        mailbox.clone_into(&mut self.mailbox);
    }

    /// A question or request over the control socket, and everything that follows from it at once.
    pub(crate) async fn ask(&mut self, ask: Ask) -> Reply {
        let reply = answers::answer(&mut self.engine, &Health::default(), ask, self.now).await;
        self.settle_down().await;
        reply.expect("the store works")
    }

    /// A complaint that did not come by mail, as `klachtd add` brings it.
    pub(crate) async fn add(&mut self, added: &Added) {
        let ask = Ask::Add(Box::new(Added { mailbox: self.mailbox.clone(), ..added.clone() }));
        let reply = answers::answer(&mut self.engine, &Health::default(), ask, self.now).await;
        let reply = reply.expect("the store works");
        assert_eq!(reply.error, None, "the complaint is brought");
        self.settle_down().await;
    }

    /// An order in the shell, and everything that follows from it at once. Gives the answer in English, or the refusal.
    pub(crate) async fn order(&mut self, reference: &str, text: &str) -> Result<Vec<String>, String> {
        let reply = self.engine.order(reference, text, "operator", self.now).await.expect("the store works");
        self.settle_down().await;
        match reply.expect("the complaint is there").outcome {
            Ok(done) => Ok(done.iter().map(|d| replies::done_in_words(d, Language::En)).collect()),
            Err(refusal) => Err(replies::refusal_in_words(&refusal, Language::En)),
        }
    }

    /// What a person would see: the whole register as JSON.
    pub(crate) fn shown(&mut self, reference: &str) -> serde_json::Value {
        let shown = register::show(&mut self.engine, reference, self.now).expect("the register can be read");
        serde_json::to_value(shown.expect("the complaint is there")).expect("it is JSON")
    }

    pub(crate) fn list(&mut self) -> serde_json::Value {
        let page = register::list(&mut self.engine, &register::Filter::default(), None, self.now);
        serde_json::to_value(page.expect("the register can be read").complaints).expect("it is JSON")
    }

    /// Every mail that left, as its reader has it.
    pub(crate) fn transcript(&self) -> String {
        let mut text = String::new();
        let sent = self.sent.iter().enumerate().map(|(n, sent)| ((n + 1).to_string(), sent));
        let digests = self.digests.iter().map(|sent| ("digest".to_owned(), sent));
        let mut all: Vec<(String, &Sent)> = sent.chain(digests).collect();
        all.sort_by_key(|(_, sent)| sent.at);
        for (name, sent) in all {
            let at = sent.at.to_zoned(self.zone.clone()).strftime("%a %Y-%m-%d %H:%M");
            let refused =
                if sent.reply.starts_with("250") { String::new() } else { format!("  <- {}", sent.reply) };
            writeln!(text, "---- {name} {at} to {}{refused}", sent.to).expect("writing to a string");
            for name in ["Auto-Submitted", "In-Reply-To"] {
                if let Some(value) = sent.header(name) {
                    writeln!(text, "{name}: {value}").expect("writing to a string");
                }
            }
            writeln!(text, "Subject: {}\n\n{}", sent.subject(), without_links(&sent.text()))
                .expect("writing to a string");
        }
        text
    }

    /// What must hold at the end of every test: nothing is left unsent, and the store agrees with itself.
    pub(crate) fn check(&self) {
        let verified = self.engine.store().verify().expect("the store can be read");
        assert!(verified.ok, "the store disagrees with itself: {:?}", verified.faults);
        let open = self.engine.store().outbox_open().expect("the outbox can be read");
        let due: Vec<_> = open.iter().filter(|o| o.next_at.is_some_and(|at| at <= self.now)).collect();
        assert!(due.is_empty(), "left unsent: {due:?}");
    }
}
