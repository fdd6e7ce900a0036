//! What must be true once things have settled: looked up in the register, and in the mailboxes of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::common::{DIRECTIE, Mailhost};
use crate::load::{Known, Load};
use crate::site::{Site, as_it_left, header};
use crate::{OTHERS, waited};

/// A notice as it lies in somebody's mailbox.
struct Arrived {
    /// Without what the servers on its way put before it.
    mail: Vec<u8>,
    orders_to: String,
}

/// What was found so far.
#[derive(Default)]
pub(crate) struct Audit {
    read: BTreeSet<String>,
    /// By Message-ID.
    arrived: BTreeMap<String, Vec<Arrived>>,
}

impl Audit {
    /// Waits until nothing is under way any more, and looks at all that was sent in this round; says how it stands.
    pub(crate) fn settled(&mut self, host: &Mailhost, site: &Site, load: &mut Load) -> String {
        waited("every mail is accounted for", || load.all_there(&messages(site)).then_some(()));
        waited("nothing waits to go out", || {
            site.json(&["outbox", "list"]).as_array().unwrap().is_empty().then_some(())
        });
        waited("the inbox is empty", || host.mails(DIRECTIE.0, "").is_empty().then_some(()));
        let complaints = load.check(&messages(site));
        let list = site.json(&["list"]);
        assert_eq!(list.as_array().unwrap().len(), complaints.len(), "complaints that no mail made");

        let before: BTreeSet<String> = load.known.iter().map(|known| known.id.clone()).collect();
        for (id, reference) in complaints.iter().filter(|(id, _)| !before.contains(*id)) {
            load.known.push(self.fresh(host, site, (id, reference)));
        }
        site.run(&["verify"]).ends(0, &["all is as it was written"]);
        site.run(&["reconcile"]).ends(0, &["nothing is missing"]);
        let (ids, doubles) = self.arrivals(host);
        format!(
            "{} complaints, {ids} notices arrived, {doubles} copies too many; verify and reconcile clean",
            complaints.len()
        )
    }

    /// A complaint of this round: acknowledged where the customer is, or the acknowledgement came back.
    fn fresh(&mut self, host: &Mailhost, site: &Site, (id, reference): (&str, &str)) -> Known {
        let notice = |shown: &Value, kind: &str| {
            let mut of_kind: Vec<Value> =
                shown["notices"].as_array().unwrap().iter().filter(|n| n["kind"] == kind).cloned().collect();
            assert_eq!(of_kind.len(), 1, "{kind} of {reference}: {shown}");
            of_kind.remove(0)
        };
        let shown = waited("sent, or came back", || {
            let shown = site.json(&["show", reference]);
            let nobody = shown["complainant"]["email"].as_str().unwrap().starts_with("niemand");
            let wanted = if nobody { "bounced" } else { "sent" };
            (notice(&shown, "acknowledgement")["status"] == wanted).then_some(shown)
        });
        assert_eq!(
            (&shown["letters"][0]["message_id"], &shown["state"]),
            (&id.into(), &"open".into()),
            "{shown}"
        );
        let (sent, alert) = (notice(&shown, "acknowledgement"), notice(&shown, "staff_new"));
        let name = |notice: &Value| format!("<{}>", notice["message_id"].as_str().unwrap());
        let orders_to = waited("the alert", || {
            self.look(host);
            Some(self.arrived.get(&name(&alert))?[0].orders_to.clone())
        });
        let came_back = sent["status"] == "bounced";
        if !came_back {
            waited("the acknowledgement", || {
                self.look(host);
                self.arrived.contains_key(&name(&sent)).then_some(())
            });
        }
        Known {
            reference: reference.to_owned(),
            id: id.to_owned(),
            acknowledgement: (!came_back).then(|| name(&sent)),
            orders_to,
            ordered: false,
            by_order: None,
        }
    }

    /// Everything once more, at the end, after at most so many kills a round: each notice of each complaint, and each mail that the
    /// customers have.
    pub(crate) fn whole(&mut self, host: &Mailhost, site: &Site, load: &Load, kills: usize) -> String {
        let (mut proven, mut again) = (BTreeSet::new(), 0);
        for known in &load.known {
            let shown = site.json(&["show", &known.reference]);
            let mut kinds: BTreeMap<&str, u32> = BTreeMap::new();
            for notice in shown["notices"].as_array().unwrap() {
                let (kind, status) = (notice["kind"].as_str().unwrap(), notice["status"].as_str().unwrap());
                *kinds.entry(kind).or_default() += 1;
                again += u32::from(notice["attempts"].as_u64().unwrap() > 1);
                let name = format!("<{}>", notice["message_id"].as_str().unwrap());
                if status == "sent" {
                    waited("what is proven sent has arrived", || {
                        self.look(host);
                        self.arrived.contains_key(&name).then_some(())
                    });
                }
                assert!(
                    status == "sent" || (status == "bounced" && known.acknowledgement.is_none()),
                    "{notice}"
                );
                proven.insert(name);
            }
            let done = u32::from(known.ordered);
            assert_eq!(kinds.get("staff_order_done").copied().unwrap_or_default(), done, "{shown}");
            if let Some(kind) = known.by_order {
                assert_eq!(kinds.get(kind), Some(&1), "{shown}");
            }
            assert!(!kinds.contains_key("staff_order_refused"), "{shown}");
        }
        self.look(host);
        for name in self.arrived.keys().filter(|name| !proven.contains(*name)) {
            // What belongs to no complaint goes to staff alone.
            let of_staff =
                self.arrived[name].iter().all(|arrived| header(&arrived.mail, "To").contains("staff1@"));
            assert!(of_staff, "{name} is in no complaint");
        }
        let (_, doubles) = self.arrivals(host);
        let most = self.arrived.values().map(Vec::len).max().unwrap_or_default();
        // A copy is made only where a kill took the answer, and then one; each round ends with nothing under way.
        assert!(most <= 1 + kills, "{most} copies of one notice, and no round had more than {kills} kills");
        format!(
            "{} notices in the register, {again} of them tried again, {doubles} copies too many (of one at most {most} in \
             all), each with the same Message-ID and bytes",
            proven.len()
        )
    }

    /// How many notices arrived, and how many copies beyond the first: each with the same bytes.
    fn arrivals(&mut self, host: &Mailhost) -> (usize, usize) {
        self.look(host);
        let mut doubles = 0;
        for (name, copies) in &self.arrived {
            doubles += copies.len() - 1;
            let same = copies.iter().all(|copy| copy.mail == copies[0].mail);
            assert!(same, "{name} arrived {} times with different bytes", copies.len());
        }
        (self.arrived.len(), doubles)
    }

    /// Reads what came into the mailboxes of the others since.
    fn look(&mut self, host: &Mailhost) {
        for address in OTHERS {
            let (user, domain) = address.split_once('@').unwrap();
            let folder = host.path(&format!("mail/{domain}/{user}/Maildir/new"));
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                if !self.read.insert(format!("{address} {}", entry.file_name().to_string_lossy())) {
                    continue;
                }
                let raw = fs::read(entry.path()).unwrap();
                let orders_to = header(&raw, "Reply-To").trim_matches(['<', '>']).to_owned();
                let arrived = Arrived { mail: as_it_left(&raw), orders_to };
                self.arrived.entry(header(&raw, "Message-ID")).or_default().push(arrived);
            }
        }
    }
}

fn messages(site: &Site) -> Vec<Value> {
    let all = site.json(&["reconcile"]);
    all["messages"].as_array().unwrap().clone()
}
