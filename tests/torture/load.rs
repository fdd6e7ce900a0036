//! What is sent, and what must become of it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::Chance;
use crate::common::{CUSTOMER1, DIRECTIE, STAFF1};
use crate::site::mail;

/// A mail that is sent.
pub(crate) struct Mailing {
    pub(crate) id: String,
    pub(crate) envelope_from: String,
    pub(crate) to: String,
    pub(crate) raw: String,
    expected: Expected,
}

/// What must become of it.
#[derive(Clone)]
enum Expected {
    /// A complaint of its own.
    Complaint,
    /// It joins the complaint that this letter made.
    Joined { fate: &'static str, complaint: String },
    /// It stands alone.
    Alone(&'static str),
    /// The letter that was sent before, again.
    Again,
}

/// A complaint whose acknowledgement and alert have arrived.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) reference: String,
    /// The complaint's first letter.
    pub(crate) id: String,
    /// Message-ID of the acknowledgement, in brackets; `None` when it came back.
    pub(crate) acknowledgement: Option<String>,
    /// Where orders go to.
    pub(crate) orders_to: String,
    /// Whether its one order was given.
    pub(crate) ordered: bool,
    /// The notice that this order makes.
    pub(crate) by_order: Option<&'static str>,
}

/// All that was sent so far.
#[derive(Default)]
pub(crate) struct Load {
    /// By Message-ID.
    expected: BTreeMap<String, Vec<Expected>>,
    raws: BTreeMap<String, (String, String)>,
    pub(crate) known: Vec<Known>,
    counts: BTreeMap<&'static str, u32>,
}

/// Orders, and the notice to the complainant that each makes.
const ORDERS: [(&str, Option<&str>); 4] = [
    ("#vraag\n\nWat is het nummer van uw bestelling?", Some("info_request")),
    ("#verleng over 5 weken wij wachten op de leverancier", Some("progress")),
    ("#notitie de leverancier is gebeld", None),
    ("#contact\n\nIk heb de klant gesproken.", None),
];

impl Load {
    /// The mails of a round.
    pub(crate) fn mailings(&mut self, round: u32, chance: &mut Chance) -> Vec<Mailing> {
        let count = 4 + chance.below(12);
        let mut mailings: Vec<Mailing> = Vec::new();
        for n in 0..count {
            let id = format!("r{round}.{n}@klant.test");
            let kind = if n == 0 { 0 } else { chance.below(12) };
            let about = self.about(kind, chance);
            let mailing = match (kind, about) {
                (5 | 6, Some(known)) => follow_up(id, &known),
                (7, Some(known)) => auto_reply(id, &known),
                (8 | 9, Some(known)) => self.order(id, &known, chance),
                (10, Some(known)) => self.again(&known),
                (11, _) => stray(id, chance),
                (4, _) => complaint(id, &format!("niemand+r{round}.{n}@klant.test")),
                _ => complaint(id, &format!("customer1+r{round}.{n}@klant.test")),
            };
            mailings.push(mailing);
        }
        mailings
    }

    /// A complaint that a mail of this kind can be about.
    fn about(&self, kind: u64, chance: &mut Chance) -> Option<Known> {
        let fits = |known: &&Known| match kind {
            8 | 9 => !known.ordered,
            10 => true,
            _ => known.acknowledgement.is_some(),
        };
        let fitting: Vec<&Known> = self.known.iter().filter(fits).collect();
        let at = chance.below(fitting.len().max(1) as u64);
        fitting.get(usize::try_from(at).unwrap()).map(|known| (*known).clone())
    }

    fn order(&mut self, id: String, known: &Known, chance: &mut Chance) -> Mailing {
        let (text, notice) = ORDERS[usize::try_from(chance.below(4)).unwrap()];
        let given = self.known.iter_mut().find(|other| other.id == known.id).unwrap();
        (given.ordered, given.by_order) = (true, notice);
        let raw = mail(STAFF1.0, &known.orders_to, &id, "Re", "", text);
        let expected = Expected::Joined { fate: "order", complaint: known.id.clone() };
        Mailing { id, envelope_from: STAFF1.0.into(), to: known.orders_to.clone(), raw, expected }
    }

    fn again(&self, known: &Known) -> Mailing {
        let (envelope_from, raw) = self.raws[&known.id].clone();
        let expected = Expected::Again;
        Mailing { id: known.id.clone(), envelope_from, to: DIRECTIE.0.into(), raw, expected }
    }

    /// From now on these are to be found.
    pub(crate) fn expect(&mut self, mailings: Vec<Mailing>) {
        for Mailing { id, envelope_from, raw, expected, .. } in mailings {
            let word = match &expected {
                Expected::Complaint => "complaints",
                Expected::Joined { fate, .. } | Expected::Alone(fate) => fate,
                Expected::Again => "sent again",
            };
            *self.counts.entry(word).or_default() += 1;
            self.raws.entry(id.clone()).or_insert((envelope_from, raw));
            self.expected.entry(id).or_default().push(expected);
        }
    }

    /// Whether all that was sent is among these messages of `reconcile`.
    pub(crate) fn all_there(&self, messages: &[Value]) -> bool {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for message in messages {
            *found.entry(message["message_id"].as_str().unwrap_or_default()).or_default() += 1;
        }
        self.expected.iter().all(|(id, all)| found.get(id.as_str()).is_some_and(|n| *n >= all.len()))
    }

    /// Each mail that was sent has the fate that it must have, once; what nobody sent is a notice that came back.
    /// Gives each complaint's reference by its first letter.
    pub(crate) fn check(&self, messages: &[Value]) -> BTreeMap<String, String> {
        let mut found: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for message in messages {
            let word = |key: &str| message[key].as_str().unwrap_or_default();
            found.entry(word("message_id")).or_default().push((word("fate"), word("reference")));
        }
        let mut complaints = BTreeMap::new();
        for (id, fates) in &found {
            if !self.expected.contains_key(*id) {
                assert!(fates.iter().all(|(fate, _)| *fate == "bounced"), "{id}: {fates:?}");
            } else if let Some((_, reference)) = fates.iter().find(|(fate, _)| *fate == "complaint") {
                complaints.insert((*id).to_owned(), (*reference).to_owned());
            }
        }
        for (id, expected) in &self.expected {
            let mut wanted: Vec<(&str, &str)> = expected
                .iter()
                .map(|expected| match expected {
                    Expected::Complaint => ("complaint", complaints.get(id).map_or("?", String::as_str)),
                    Expected::Joined { fate, complaint } => (*fate, complaints[complaint].as_str()),
                    Expected::Alone(fate) => (*fate, ""),
                    Expected::Again => ("duplicate", ""),
                })
                .collect();
            let mut fates = found[id.as_str()].clone();
            wanted.sort_unstable();
            fates.sort_unstable();
            assert_eq!(fates, wanted, "{id}");
        }
        complaints
    }

    pub(crate) fn told(&self) -> String {
        let counts: Vec<String> = self.counts.iter().map(|(word, n)| format!("{n} {word}")).collect();
        format!("{} mails ({})", self.counts.values().sum::<u32>(), counts.join(", "))
    }
}

fn complaint(id: String, from: &str) -> Mailing {
    let body = format!("Mijn bestelling {id} kwam kapot aan. Ik wil graag mijn geld terug.");
    let raw = mail(from, DIRECTIE.0, &id, "Kapot", "", &body);
    Mailing { id, envelope_from: from.into(), to: DIRECTIE.0.into(), raw, expected: Expected::Complaint }
}

fn follow_up(id: String, known: &Known) -> Mailing {
    let more = format!("In-Reply-To: {}\n", known.acknowledgement.as_deref().unwrap());
    let body = format!("Ook de doos was nat ({id}).");
    let raw = mail(CUSTOMER1.0, DIRECTIE.0, &id, "Nog iets", &more, &body);
    let expected = Expected::Joined { fate: "follow_up", complaint: known.id.clone() };
    Mailing { id, envelope_from: CUSTOMER1.0.into(), to: DIRECTIE.0.into(), raw, expected }
}

fn auto_reply(id: String, known: &Known) -> Mailing {
    let answered = known.acknowledgement.as_deref().unwrap();
    let more = format!("In-Reply-To: {answered}\nAuto-Submitted: auto-replied\n");
    let raw = mail(CUSTOMER1.0, DIRECTIE.0, &id, "Afwezig", &more, "Ik ben er niet tot maandag.");
    let expected = Expected::Joined { fate: "auto_reply", complaint: known.id.clone() };
    Mailing { id, envelope_from: CUSTOMER1.0.into(), to: DIRECTIE.0.into(), raw, expected }
}

/// What belongs to no complaint: an automatic answer, or a mailing.
fn stray(id: String, chance: &mut Chance) -> Mailing {
    let (fate, more) = match chance.below(2) {
        0 => ("ignored", "Auto-Submitted: auto-replied\n"),
        _ => ("set_aside", "Precedence: bulk\nList-Id: <k.klant.test>\n"),
    };
    let raw = mail(CUSTOMER1.0, DIRECTIE.0, &id, "Nieuws", more, &format!("Lees dit ({id})."));
    let expected = Expected::Alone(fate);
    Mailing { id, envelope_from: CUSTOMER1.0.into(), to: DIRECTIE.0.into(), raw, expected }
}
