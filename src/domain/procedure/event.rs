//! What starts and ends terms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! term_events {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What starts and ends terms.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum TermEvent {
            $($(#[$doc])* $variant,)+
        }

        impl TermEvent {
            /// Every event, in the order in which they usually happen.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name in procedure files and on the command line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

term_events! {
    /// Our own server took the complaint, or the letter was stamped.
    Received = "received",
    /// The handling began: see `intake.clock_start`.
    ClockStart = "clock_start",
    /// A complaint was made by telephone.
    SpokenComplaint = "spoken_complaint",
    /// The record of a spoken complaint went to the complainant.
    RecordSent = "record_sent",
    /// The complainant agreed with that record.
    RecordAgreed = "record_agreed",
    /// The acknowledgement was accepted by the outgoing server.
    AckSent = "ack_sent",
    /// The complaint was handed over to the manager.
    HandedOver = "handed_over",
    /// A handler was named.
    Assigned = "assigned",
    /// Personal contact was made.
    ContactMade = "contact_made",
    /// The outcome was accepted by the outgoing server.
    OutcomeSent = "outcome_sent",
    /// The complainant asked for a review.
    ReviewRequested = "review_requested",
    /// The complainant was invited to a conversation.
    InterviewInvited = "interview_invited",
    /// The conversation took place.
    InterviewHeld = "interview_held",
    /// The outcome of the review was accepted by the outgoing server.
    ReviewOutcomeSent = "review_outcome_sent",
    /// The complaint was closed: what still runs on our side is void.
    Closed = "closed",
}

impl fmt::Display for TermEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The name of an event that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown event `{0}`, expected for example received, clock_start or outcome_sent")]
pub struct UnknownTermEvent(pub String);

impl FromStr for TermEvent {
    type Err = UnknownTermEvent;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|event| event.as_str() == name);
        found.copied().ok_or_else(|| UnknownTermEvent(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_every_place() {
        for event in TermEvent::ALL {
            assert_eq!(event.as_str().parse(), Ok(*event));
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        assert!("recieved".parse::<TermEvent>().is_err());
    }
}
