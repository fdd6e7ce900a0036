//! What `read`, `terms` and `preview` work by: the configuration when there is one, else what is built in.

use std::collections::BTreeMap;

use super::Failure;
use crate::answers::exit;
use crate::config::Config;
use crate::domain::house::{House, Limits, Mailbox};
use crate::domain::mail::Party;
use crate::engine::Settings;
use crate::outbox::templates::Templates;
use crate::rules::{Rules, Ruling};
use crate::setup;

/// Settings without a store. Procedures with faults are still shown: the point is to look at them.
pub(super) fn settings(config: Option<&Config>) -> Result<Settings, Failure> {
    let Some(config) = config else {
        let templates = Templates::built_in().map_err(|e| Failure::new(exit::CONFIG, e))?;
        return Ok(Settings { house: built_in_house(), rules: Rules::load(None).0, templates });
    };
    let (rules, _) = Rules::load(config.paths.procedures.as_deref());
    let templates = setup::templates(config.paths.templates.as_deref())?;
    Ok(Settings { house: config.house.clone(), rules, templates })
}

/// One mailbox, for the first procedure that ships: enough to read a mail by.
fn built_in_house() -> House {
    let from =
        Party { name: Some("OmniStock Directie".to_owned()), email: "directie@omnistock.nl".to_owned() };
    let mailbox = Mailbox {
        name: "omnistock".to_owned(),
        procedure: "omnistock".to_owned(),
        from,
        aliases: Vec::new(),
        delimiter: "+".to_owned(),
        trusted_authserv: String::new(),
        form_senders: Vec::new(),
        roles: BTreeMap::new(),
    };
    House { mailboxes: vec![mailbox], staff: Vec::new(), limits: Limits::default() }
}

/// The name of the mailbox that was asked for, or of the first.
pub(super) fn mailbox(house: &House, name: Option<&str>) -> Result<String, Failure> {
    let found = match name {
        Some(name) => house.mailbox(name),
        None => house.mailboxes.first(),
    };
    found.map(|m| m.name.clone()).ok_or_else(|| {
        let known: Vec<&str> = house.mailboxes.iter().map(|m| m.name.as_str()).collect();
        Failure::new(
            exit::DATAERR,
            format!(
                "there is no mailbox {:?}; expected one of {}",
                name.unwrap_or_default(),
                known.join(", ")
            ),
        )
    })
}

/// The procedure that was asked for.
pub(super) fn ruling<'a>(rules: &'a Rules, id: &str) -> Result<&'a Ruling, Failure> {
    rules.get(id).ok_or_else(|| {
        let known: Vec<&str> = rules.all().map(|r| r.procedure.id.as_str()).collect();
        Failure::new(
            exit::DATAERR,
            format!("there is no procedure {id:?}; expected one of {}", known.join(", ")),
        )
    })
}
