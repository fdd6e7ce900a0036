//! How a procedure counts its dates.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};

use super::{Span, Unit};
use crate::domain::calendar::{Calendar, Holidays};

/// On what the terms rest, which decides what happens when one ends on a day that does not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A promise: the date stands.
    Contract,
    /// A Dutch law: the Algemene termijnenwet moves it on.
    Statute,
    /// A law of the Union: Regulation 1182/71, article 3(4), moves it on.
    Eu,
}

/// How dates are counted.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawRules")]
pub struct Rules {
    /// On what the terms rest.
    pub basis: Basis,
    /// The zone whose civil dates count. From the bundled database, so that a date is the same on every machine.
    pub zone: TimeZone,
    /// The zone's IANA name.
    pub zone_name: String,
    /// Which days work.
    pub calendar: Calendar,
    /// The sets of holidays behind `calendar`, as written.
    pub holidays: Vec<Holidays>,
}

/// The table `rules` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRules {
    basis: Basis,
    zone: String,
    calendar: Vec<Holidays>,
}

impl TryFrom<RawRules> for Rules {
    type Error = String;

    fn try_from(raw: RawRules) -> Result<Self, Self::Error> {
        Self::new(raw.basis, &raw.zone, &raw.calendar)
    }
}

impl Rules {
    /// Rules for a zone of the bundled database.
    ///
    /// # Errors
    /// When the zone is unknown, or no set of holidays is given.
    pub fn new(basis: Basis, zone: &str, holidays: &[Holidays]) -> Result<Self, String> {
        if holidays.is_empty() {
            return Err("`calendar` is empty, expected nl-business, nl-atw or uk-england".into());
        }
        let known = TimeZoneDatabase::bundled().get(zone);
        Ok(Self {
            basis,
            zone: known
                .map_err(|_| format!("unknown `zone` `{zone}`, expected one like Europe/Amsterdam"))?,
            zone_name: zone.to_owned(),
            calendar: Calendar::new(holidays),
            holidays: holidays.to_vec(),
        })
    }

    /// The civil date on which `at` falls.
    pub fn date(&self, at: Timestamp) -> Date {
        self.zone.to_datetime(at).date()
    }

    /// The moment at which the clocks of the zone show `time` on `date`; when they skip it, just after the gap.
    pub fn at(&self, date: Date, time: Time) -> Timestamp {
        self.zone.to_timestamp(date.to_datetime(time)).unwrap_or(Timestamp::MAX)
    }

    /// The first moment after `date`: a term that ends on `date` ends before it.
    pub fn end_of(&self, date: Date) -> Timestamp {
        date.tomorrow().map_or(Timestamp::MAX, |next| self.at(next, Time::midnight()))
    }

    /// Where a term that ends on `end` ends in the end: moved on when it rests on a law and that day does not
    /// work, else unmoved (domain: a promise is not shifted, the termijnenwet does not cover contracts).
    pub fn rolled(&self, day0: Date, within: Span, end: Date) -> Date {
        let moves = match (self.basis, within.unit) {
            (Basis::Contract, _) | (_, Unit::WorkingDays) => false,
            (Basis::Eu, _) => true,
            // Algemene termijnenwet, article 4: not for terms longer than this.
            (Basis::Statute, Unit::Days) => within.count <= 90,
            (Basis::Statute, Unit::Weeks) => within.count <= 12,
            (Basis::Statute, Unit::Months) => within.count <= 3,
        };
        if !moves {
            return end;
        }
        let rolled = self.calendar.working_day_at_or_after(end);
        // Algemene termijnenwet, article 2: three days and more hold at least two that work.
        let long = self.basis == Basis::Statute && (within.unit != Unit::Days || within.count >= 3);
        if long { rolled.max(self.calendar.add_working_days(day0, 2)) } else { rolled }
    }
}
