//! Connections that are cut or fall silent, anywhere, and above all after the final dot: nothing is lost, and a notice
//! comes twice only where nobody can know that it came once.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::common::{Mailhost, STAFF1};
use crate::site::{Site, as_it_left, eventually, header, mail};
use crate::wire::{Cut, Wire};

/// Mailboxes of one service: each has a wire of its own, so that their back-offs pass at the same time.
const MAILBOXES: usize = 6;

const TOP: &str = r#"
[store]
path = "state"

[limits]
notices_per_sender_per_day = 0
notices_per_complaint_per_day = 0
notices_per_hour = 0
staff_mails_per_day = 0

[[staff]]
name = "Jan Jansen"
email = "staff1@omnistock.test"
language = "nl"
"#;

fn customer(n: usize) -> String {
    format!("klant{n}@klant.test")
}

fn mailbox(n: usize) -> String {
    format!("klachten{n}@omnistock.test")
}

/// A mail host, a service, and a wire before each IMAP mailbox and before the outgoing server.
struct Stand {
    host: Mailhost,
    site: Site,
    imap: Vec<Wire>,
    smtp: Wire,
    mails: usize,
}

impl Stand {
    /// In plain text, so that the wires see what they cut, and with little patience. `None` without servers.
    fn new(mailboxes: usize, customers: usize) -> Option<Self> {
        let users = (0..mailboxes).map(mailbox).chain((0..customers).map(customer));
        let users: Vec<String> = users.map(|user| format!("{user}=geheim-directie")).collect();
        let options: Vec<&str> = users.iter().flat_map(|user| ["--user", user]).collect();
        let host = Mailhost::start(&options)?;
        let imap: Vec<Wire> = (0..mailboxes).map(|_| Wire::to(host.port("imap"))).collect();
        let smtp = Wire::to(host.port("smtp"));
        let mut config = TOP.to_owned();
        for (n, wire) in imap.iter().enumerate() {
            let (address, imap, smtp) = (mailbox(n), wire.port, smtp.port);
            write!(
                config,
                "[[mailbox]]\nname = \"m{n}\"\nprocedure = \"omnistock\"\nfrom = \"OmniStock <{address}>\"\n\
                 roles = {{ handler = \"staff1@omnistock.test\" }}\n\
                 [mailbox.inbox]\nkind = \"imap\"\nhost = \"localhost\"\nport = {imap}\ntls = \"none\"\n\
                 user = \"{address}\"\npassword = {{ file = \"imap.secret\" }}\ntimeout = \"3s\"\npoll = \"1s\"\n\
                 [mailbox.outbox]\nkind = \"smtp\"\nhost = \"localhost\"\nport = {smtp}\ntls = \"none\"\n\
                 timeout = \"3s\"\ndata_timeout = \"3s\"\n"
            )
            .unwrap();
        }
        Some(Self { host, site: Site::new(&config), imap, smtp, mails: 0 })
    }

    /// A complaint of the next customer lies in a mailbox.
    fn complain(&mut self, at: usize) {
        let n = self.mails;
        self.mails += 1;
        let (from, to) = (customer(n), mailbox(at));
        let body = format!("Mijn bestelling {n} kwam kapot aan en ik wil graag mijn geld terug.");
        self.host.deliver(&to, &mail(&from, &to, &format!("draad{n}@klant.test"), "Kapot", "", &body));
    }

    fn outbox(&self) -> Vec<Value> {
        self.site.json(&["outbox", "list"]).as_array().unwrap().clone()
    }

    /// Waits until nothing is to be done any more, without a restart, and looks at everything.
    fn settled(&self) -> Copies {
        eventually("every mail is a complaint", || {
            (self.site.json(&["list"]).as_array().unwrap().len() >= self.mails).then_some(())
        });
        eventually("all has left", || {
            let outbox = self.outbox();
            if !outbox.is_empty() {
                self.site.run(&["outbox", "retry", "--all"]);
            }
            outbox.is_empty().then_some(())
        });
        eventually("healthy", || (self.site.run(&["status"]).code == 0).then_some(()));
        for n in 0..self.imap.len() {
            eventually("the inbox is empty", || self.host.mails(&mailbox(n), "").is_empty().then_some(()));
        }
        assert_eq!(self.site.json(&["list"]).as_array().unwrap().len(), self.mails, "one complaint a mail");
        let copies = eventually("everybody is told", || {
            let copies = Copies::of(&self.host, self.mails);
            (copies.notices.len() >= 2 * self.mails + copies.alarms).then_some(copies)
        });
        assert_eq!(
            copies.notices.len() - copies.alarms,
            2 * self.mails,
            "an acknowledgement and an alert for each"
        );
        for n in 0..self.mails {
            assert!(!self.host.mails(&customer(n), "").is_empty(), "customer {n} is acknowledged");
        }
        let beyond = copies.all - copies.notices.len();
        assert!(
            beyond <= self.smtp.unanswered(),
            "{beyond} copies for {} lost answers",
            self.smtp.unanswered()
        );
        copies
    }

    /// What must be true of the register and the log in the end.
    fn ends_clean(&self, log: &str) {
        self.site.run(&["verify"]).ends(0, &["all is as it was written"]);
        self.site.run(&["reconcile"]).ends(0, &[]);
        for bad in ["panicked", "\"level\":\"ERROR\""] {
            assert!(!log.contains(bad), "{bad}: {log}");
        }
    }
}

/// The notices that arrived.
struct Copies {
    all: usize,
    /// Those that tell staff of a trouble, each counted once.
    alarms: usize,
    /// By Message-ID.
    notices: BTreeMap<String, Vec<u8>>,
}

impl Copies {
    /// What has one Message-ID has the same bytes.
    fn of(host: &Mailhost, customers: usize) -> Self {
        let mut copies = Self { all: 0, alarms: 0, notices: BTreeMap::new() };
        let boxes = (0..customers).map(customer).chain([STAFF1.0.to_owned()]);
        for raw in boxes.flat_map(|of| host.mails(&of, "")) {
            let (id, bytes) = (header(&raw, "Message-ID"), as_it_left(&raw));
            copies.all += 1;
            let first = copies.notices.entry(id).or_insert_with(|| {
                copies.alarms += usize::from(String::from_utf8_lossy(&raw).contains("onzeker"));
                bytes.clone()
            });
            assert_eq!(String::from_utf8_lossy(first), String::from_utf8_lossy(&bytes));
        }
        copies
    }
}

#[test]
fn imap_that_is_cut_anywhere_loses_and_doubles_nothing() {
    /// Between the cuts of one mailbox; its first is at the number of the mailbox times [`BETWEEN`].
    const APART: usize = 137;
    const BETWEEN: usize = 449;
    let Some(mut stand) = Stand::new(MAILBOXES, 2 * MAILBOXES) else { return };
    for n in 0..MAILBOXES {
        stand.complain(n);
        let first = n * BETWEEN;
        let cuts = [
            Cut::Down(first + 1),
            Cut::Up(1 + n * 67),
            Cut::Down(first + APART),
            Cut::Silence(first + 2 * APART),
        ];
        stand.imap[n].plan(cuts);
    }
    let service = stand.site.start();
    for n in 0..MAILBOXES {
        stand.complain(n);
    }
    eventually("every wire is cut each time", || {
        stand.imap.iter().all(|wire| wire.planned() == 0 && wire.spoiled() >= 4).then_some(())
    });
    let copies = stand.settled();
    assert_eq!(copies.all, copies.notices.len(), "SMTP was whole");
    let log = service.stop();
    assert!(log.contains("fetching failed"), "{log}");
    stand.ends_clean(&log);
}

#[test]
fn smtp_that_is_cut_anywhere_loses_nothing_and_doubles_only_what_was_not_answered() {
    let Some(mut stand) = Stand::new(1, 12) else { return };
    let ups = (0..20).map(|n| Cut::Up(1 + n * 89));
    let downs = (0..20).map(|n| Cut::Down(1 + n * 17));
    let dots = [Cut::AfterDot, Cut::BeforeDot, Cut::AfterDot, Cut::SilenceAfterDot];
    let cuts: Vec<Cut> = ups.zip(downs).flat_map(|(up, down)| [up, down]).chain(dots).collect();
    let planned = cuts.len();
    stand.smtp.plan(cuts);
    let service = stand.site.start();
    for _ in 0..4 {
        stand.complain(0);
    }
    eventually("every cut was met", || {
        stand.site.run(&["outbox", "retry", "--all"]);
        // What left whole came too early to meet one.
        if stand.mails < 12 && stand.outbox().is_empty() {
            stand.complain(0);
        }
        (stand.smtp.planned() == 0).then_some(())
    });
    stand.settled();
    assert!(stand.smtp.spoiled() > planned / 2, "{} cuts came", stand.smtp.spoiled());
    let log = service.stop();
    stand.ends_clean(&log);
}

#[test]
fn an_answer_to_the_final_dot_that_is_lost_leaves_its_notice_unknown_and_is_asked_for_once_more() {
    let Some(mut stand) = Stand::new(1, 3) else { return };
    let service = stand.site.start();
    // In each case klachtd knows only that the dot left: it can't tell where the wire was cut.
    for (cut, lost) in [(Cut::BeforeDot, 0), (Cut::AfterDot, 1), (Cut::SilenceAfterDot, 1)] {
        let before = stand.smtp.unanswered();
        stand.smtp.plan([cut]);
        stand.complain(0);
        let waits = eventually("its fate is unknown", || {
            stand.outbox().into_iter().find(|notice| notice["status"] == "unknown")
        });
        assert_eq!(waits["attempts"], 1, "{cut:?}: {waits}");
        assert!(waits["next_at"].is_string(), "{cut:?}: {waits}");
        stand.site.run(&["status"]).ends(69, &["ALARM unknown m0", "1 notices"]);
        if cut == Cut::AfterDot {
            eventually("it left by itself, after its first pause", || {
                stand.outbox().is_empty().then_some(())
            });
        }
        let copies = stand.settled();
        assert_eq!(stand.smtp.unanswered() - before, lost, "{cut:?}");
        assert_eq!(copies.all - copies.notices.len(), stand.smtp.unanswered(), "{cut:?}: one copy for each");
    }
    let log = service.stop();
    assert_eq!(log.matches("\"status\":\"unknown\"").count(), 3, "{log}");
    stand.ends_clean(&log);
}
