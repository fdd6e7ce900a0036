//! `klachtd reconcile`: what became of every message that the mailboxes ever showed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::asking::own_store;
use super::{Failure, print};
use crate::answers::reconcile::{self, Inboxes, Mark, Missing, Page, Question, Why};
use crate::answers::{Reply, exit};
use crate::clock::Clock;
use crate::config::Config;
use crate::control;
use crate::store::Store;

/// Missing messages of which each has a line of its own.
const TOLD: usize = 100;

pub(super) async fn run(config: &Config, json: bool) -> Result<u8, Failure> {
    let mut asked = Asked { config, store: None };
    let told = tell(&mut asked, json).await;
    if let Some(store) = asked.store {
        store.close().await?;
    }
    told
}

/// Who answers: the running service, or the store itself once none runs.
struct Asked<'a> {
    config: &'a Config,
    store: Option<Store>,
}

impl Asked<'_> {
    async fn answer(&mut self, question: Question) -> Result<Value, Failure> {
        let reply = match self.of_service(&question).await? {
            Some(reply) => reply,
            None => reconcile::answer(self.config, self.opened().await?, &Clock::System, question).await?,
        };
        match reply {
            Reply { error: Some(error), exit, .. } => Err(Failure::new(exit, error)),
            Reply { body, .. } => Ok(body),
        }
    }

    async fn of_service(&self, question: &Question) -> Result<Option<Reply>, Failure> {
        if self.store.is_some() {
            return Ok(None);
        }
        let answered = control::reconcile(&self.config.socket, question).await;
        answered.map_err(|e| Failure::new(exit::UNAVAILABLE, e))
    }

    async fn opened(&mut self) -> Result<&Store, Failure> {
        let store = match self.store.take() {
            Some(store) => store,
            None => own_store(self.config).await?,
        };
        Ok(self.store.insert(store))
    }

    async fn page(&mut self, after: Option<Mark>) -> Result<Page, Failure> {
        print::understood(self.answer(Question::Messages { after }).await?)
    }
}

/// What was found so far. The messages themselves are printed and forgotten: there may be a million.
#[derive(Default)]
struct Tally {
    messages: u64,
    by_fate: BTreeMap<(String, &'static str), u64>,
    missing: Vec<Missing>,
}

impl Tally {
    fn add(&mut self, page: Page) {
        self.messages += page.messages.len() as u64;
        for message in page.messages {
            *self.by_fate.entry((message.mailbox, message.fate.as_str())).or_default() += 1;
        }
        self.missing.extend(page.missing);
    }
}

async fn tell(asked: &mut Asked<'_>, json: bool) -> Result<u8, Failure> {
    let mut tally = Tally::default();
    let mut after = None;
    let mut separator = "";
    if json {
        print::raw(b"{\"messages\":[");
    }
    loop {
        let mut page = asked.page(after).await?;
        after = page.next.take();
        if json {
            for message in &page.messages {
                print::raw(format!("{separator}\n{}", json!(message)).as_bytes());
                separator = ",";
            }
        }
        tally.add(page);
        if after.is_none() {
            break;
        }
    }
    let inboxes: Inboxes = print::understood(asked.answer(Question::Inboxes).await?)?;
    let found = Found::new(tally, inboxes);
    if json {
        found.print_json();
    } else {
        found.print();
    }
    for mailbox in &found.inboxes.unreachable {
        let why = print::short(&mailbox.why, 500);
        eprintln!("klachtd: mailbox {} could not be asked: {why}", mailbox.mailbox);
    }
    Ok(found.exit())
}

/// All that was found.
struct Found {
    seen: u64,
    accounted: u64,
    by_fate: BTreeMap<(String, &'static str), u64>,
    missing: Vec<Missing>,
    inboxes: Inboxes,
}

impl Found {
    fn new(tally: Tally, mut inboxes: Inboxes) -> Self {
        let lost = tally.missing.len() as u64;
        let mut missing = tally.missing;
        missing.append(&mut inboxes.missing);
        let accounted = tally.messages - lost;
        let seen = accounted + missing.len() as u64 + inboxes.waiting;
        Self { seen, accounted, by_fate: tally.by_fate, missing, inboxes }
    }

    const fn exit(&self) -> u8 {
        match (self.missing.is_empty(), self.inboxes.unreachable.is_empty()) {
            (false, _) => exit::DATAERR,
            (true, false) => exit::UNAVAILABLE,
            (true, true) => exit::OK,
        }
    }

    /// The rest of the object after its messages.
    fn print_json(&self) {
        let mut by_fate: BTreeMap<&str, u64> = BTreeMap::new();
        for ((_, fate), n) in &self.by_fate {
            *by_fate.entry(fate).or_default() += n;
        }
        let rest = json!({
            "seen": self.seen, "accounted": self.accounted, "missing": self.missing, "by_fate": by_fate,
            "waiting": self.inboxes.waiting, "unreachable": self.inboxes.unreachable,
        });
        // Without its opening brace.
        print::line(format_args!("\n],{}", rest.to_string().trim_start_matches('{')));
    }

    fn print(&self) {
        let rows: Vec<Vec<String>> = self
            .by_fate
            .iter()
            .map(|((mailbox, fate), n)| vec![print::short(mailbox, 40), (*fate).to_owned(), n.to_string()])
            .collect();
        if !rows.is_empty() {
            print::line(print::table(&["MAILBOX", "FATE", "MESSAGES"], &rows));
        }
        for missing in self.missing.iter().take(TOLD) {
            print::line(told(missing));
        }
        if self.missing.len() > TOLD {
            print::line(format_args!("and {} more missing; --json has all", self.missing.len() - TOLD));
        }
        let (seen, accounted, waiting) = (self.seen, self.accounted, self.inboxes.waiting);
        let verdict = match self.missing.len() {
            0 => "nothing is missing".to_owned(),
            n => format!("{n} MISSING"),
        };
        let waiting = if waiting > 0 { format!(", {waiting} just came in") } else { String::new() };
        print::line(format_args!("{seen} seen, {accounted} accounted for{waiting}: {verdict}"));
    }
}

/// A missing message on two lines: what is wrong, and what to do.
fn told(missing: &Missing) -> String {
    let name = missing.message_id.as_ref().map_or_else(String::new, |id| format!(" <{id}>"));
    let since = missing.since.map_or_else(String::new, |since| format!(" since {since:.0}"));
    let (what, hint) = match missing.why {
        Why::NotTaken => (
            format!("lies in the inbox{since} and was not taken in"),
            "`klachtd status` says whether this mailbox is read; with `klachtd run` it is taken in",
        ),
        Why::PassedOver => (
            format!("lies in the inbox{since}, before messages that were taken in"),
            "start the service again: it then looks through the whole inbox",
        ),
        Why::BytesLost => (
            "was taken in, and its bytes are gone from the store".to_owned(),
            "move the mail from its folder back into the inbox: its bytes are saved again, nothing else happens",
        ),
    };
    let line = format!("MISSING {} {}{name} {what}", missing.mailbox, missing.place);
    format!("{}\n        {hint}", print::short(&line, 400))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answers::reconcile::{Message, Unreachable};
    use crate::domain::fact::Fate;

    fn missing(why: Why) -> Missing {
        Missing {
            mailbox: "m".into(),
            place: "imap:1/2".into(),
            message_id: Some("a@b".into()),
            since: "2026-11-21T08:00:00Z".parse().ok(),
            why,
        }
    }

    fn tally(missing: Vec<Missing>) -> Tally {
        let message = Message {
            mailbox: "m".into(),
            place: "imap:1/2".into(),
            message_id: None,
            sha256: String::new(),
            fate: Fate::Complaint,
            reason: String::new(),
            reference: None,
        };
        let mut tally = Tally::default();
        tally.add(Page { messages: vec![message; 3], missing, next: None });
        tally
    }

    #[test]
    fn the_sum_is_right_and_says_how_it_ended() {
        let away = Unreachable { mailbox: "m".into(), why: "away".into() };
        let inboxes = |missing: Vec<Missing>, unreachable| Inboxes { missing, waiting: 2, unreachable };
        let found = Found::new(tally(Vec::new()), inboxes(Vec::new(), Vec::new()));
        assert_eq!((found.seen, found.accounted, found.exit()), (5, 3, exit::OK));
        let found = Found::new(tally(Vec::new()), inboxes(Vec::new(), vec![away.clone()]));
        assert_eq!(found.exit(), exit::UNAVAILABLE);
        let lost = vec![missing(Why::BytesLost)];
        let found = Found::new(tally(lost), inboxes(vec![missing(Why::NotTaken)], vec![away]));
        assert_eq!((found.seen, found.accounted, found.missing.len()), (6, 2, 2));
        assert_eq!(found.exit(), exit::DATAERR, "a loss weighs more than a server that is away");
    }

    #[test]
    fn a_missing_message_comes_with_what_to_do() {
        let words = told(&missing(Why::NotTaken));
        assert!(words.contains("imap:1/2 <a@b> lies in the inbox since 2026-11-21T08:00:00Z"), "{words}");
        assert!(told(&missing(Why::PassedOver)).contains("start the service again"));
        assert!(told(&missing(Why::BytesLost)).contains("back into the inbox"));
    }
}
