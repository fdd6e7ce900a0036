//! The installation as the core sees it: whose mailboxes, which staff, which limits. Made from the configuration.

use std::collections::BTreeMap;

use super::mail::{Language, Party};

/// A complaint mailbox and the procedure it keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Its name in the configuration.
    pub name: String,
    /// The id of its procedure.
    pub procedure: String,
    /// The name and address from which notices leave.
    pub from: Party,
    /// Other addresses of ours, lower case: never answered.
    pub aliases: Vec<String>,
    /// Between address and token (`directie+TOKEN@…`); empty when the server has no plus-addresses.
    pub delimiter: String,
    /// The host whose Authentication-Results and Received headers count; empty when none does.
    pub trusted_authserv: String,
    /// Web-form relays, lower case: the customer is in Reply-To or in the fields.
    pub form_senders: Vec<String>,
    /// Role to address; overrides the procedure's roles.
    pub roles: BTreeMap<String, String>,
}

impl Mailbox {
    /// Whether `address` (without a token) is this mailbox itself or one of its aliases.
    pub fn is_own(&self, address: &str) -> bool {
        let address = address.to_ascii_lowercase();
        let plain = self.without_token(&address);
        plain == self.from.email.to_ascii_lowercase() || self.aliases.contains(&plain)
    }

    /// The address without `delimiter` and what follows it in the local part.
    pub fn without_token(&self, address: &str) -> String {
        let Some((local, domain)) = address.rsplit_once('@') else {
            return address.to_owned();
        };
        match local.find(self.delimiter.as_str()) {
            Some(at) if !self.delimiter.is_empty() => format!("{}@{domain}", &local[..at]),
            _ => address.to_owned(),
        }
    }
}

/// A member of staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staff {
    /// The name that complainants may read.
    pub name: String,
    /// The address, lower case.
    pub email: String,
    /// The language of the mails he or she gets.
    pub language: Language,
    /// Mailbox names; empty means all.
    pub mailboxes: Vec<String>,
    /// `handler`, `manager`, `board`, `committee`, `confidant`, `receiver`, `operator`.
    pub roles: Vec<String>,
}

/// Limits on automatic mail (0 means no limit) and on what is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes; larger mails are set aside.
    pub message_size: u64,
    /// Automatic notices to one address in one day.
    pub notices_per_sender_per_day: u32,
    /// Automatic notices in one complaint in one day.
    pub notices_per_complaint_per_day: u32,
    /// Automatic notices in one hour, over all.
    pub notices_per_hour: u32,
    /// Mails to staff in one day, over all.
    pub staff_mails_per_day: u32,
    /// Seconds after which a mailbox or server that is away raises an alarm.
    pub alarm_after_seconds: u64,
}

impl Default for Limits {
    /// The limits of an installation that sets none (product: "Configuration").
    fn default() -> Self {
        Self {
            message_size: 50_000_000,
            notices_per_sender_per_day: 5,
            notices_per_complaint_per_day: 3,
            notices_per_hour: 300,
            staff_mails_per_day: 100,
            alarm_after_seconds: 15 * 60,
        }
    }
}

/// The whole installation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct House {
    /// In the order of the configuration.
    pub mailboxes: Vec<Mailbox>,
    /// In the order of the configuration.
    pub staff: Vec<Staff>,
    /// Limits on automatic mail and on what is read.
    pub limits: Limits,
}

impl House {
    /// The mailbox of this name.
    pub fn mailbox(&self, name: &str) -> Option<&Mailbox> {
        self.mailboxes.iter().find(|m| m.name == name)
    }

    /// Whether `address` is one of our own mailboxes or aliases: never answered, never alerted.
    pub fn is_own(&self, address: &str) -> bool {
        self.mailboxes.iter().any(|m| m.is_own(address))
    }

    /// What the address of a member of staff is called; the address itself when it is nobody's.
    pub fn name_of(&self, address: &str) -> String {
        self.staff(address).map_or_else(|| address.to_owned(), |staff| staff.name.clone())
    }

    /// The member of staff with this address.
    pub fn staff(&self, address: &str) -> Option<&Staff> {
        self.staff.iter().find(|s| s.email.eq_ignore_ascii_case(address))
    }
}

impl Staff {
    /// Whether he or she works for the mailbox of this name.
    pub fn works_for(&self, mailbox: &str) -> bool {
        self.mailboxes.is_empty() || self.mailboxes.iter().any(|m| m == mailbox)
    }
}
