//! What our own mail server wrote on top of a mail: its verdict on the sender (RFC 8601) and when it took the mail.
//!
//! Only headers of the configured host count, and of those the topmost: everything below may be forged.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::{Offset, TimeZone};
use mail_parser::DateTime;
use mail_parser::parsers::MessageStream;

use super::headers::Headers;
use crate::domain::mail::Authentication;

/// The results of the trusted host's topmost Authentication-Results header.
pub(super) fn results(headers: &Headers, host: &str) -> Authentication {
    let mut found = Authentication::default();
    let plain = headers.all("authentication-results").map(plain);
    let Some(value) = plain.into_iter().find(|value| !host.is_empty() && is_of(value, host)) else {
        return found;
    };
    for result in value.split(';').skip(1) {
        let Some((method, verdict)) = result.split_once('=') else { continue };
        let verdict = verdict.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        if verdict.is_empty() || !verdict.bytes().all(|b| b.is_ascii_alphabetic()) {
            continue;
        }
        let method = method.split('/').next().unwrap_or_default().trim().to_ascii_lowercase();
        match method.as_str() {
            "spf" => found.spf = found.spf.or(Some(verdict)),
            "dmarc" => found.dmarc = found.dmarc.or(Some(verdict)),
            // A mail may bear several signatures: one that is right is enough (RFC 6376 section 6.1).
            "dkim" if found.dkim.is_none() || verdict == "pass" => found.dkim = Some(verdict),
            _ => {}
        }
    }
    found
}

/// Whether the authserv-id, which may be followed by a version, is this host.
fn is_of(value: &str, host: &str) -> bool {
    let id = value.split([';', ' ', '\t']).find(|word| !word.is_empty());
    id.is_some_and(|id| id.eq_ignore_ascii_case(host))
}

/// Without comments and quoted strings: what stands in them is the sender's to choose.
fn plain(value: &str) -> String {
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    let mut kept = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if depth == 0 && !quoted => kept.push(c),
            _ => {}
        }
    }
    kept
}

/// The moment in the newest Received header whose `by` host is ours (domain 3.1 rule 1).
pub(super) fn received_by(headers: &Headers, host: &str) -> Option<Timestamp> {
    let by_us = |value: &&str| {
        let plain = plain(value);
        let words: Vec<&str> = plain.split([' ', '\t', ';']).filter(|word| !word.is_empty()).collect();
        let by = words.windows(2).find(|pair| pair[0].eq_ignore_ascii_case("by"));
        by.is_some_and(|pair| pair[1].eq_ignore_ascii_case(host))
    };
    let value = headers.all("received").find(|value| !host.is_empty() && by_us(value))?;
    let (_, date) = value.rsplit_once(';')?;
    MessageStream::new(format!("{}\n", date.trim()).as_bytes()).parse_date().as_datetime().and_then(moment)
}

/// A date of a header as a moment; `None` when there is no such day, such as 31 February.
pub(super) fn moment(date: &DateTime) -> Option<Timestamp> {
    let small = |number: u8| i8::try_from(number).ok();
    let year = i16::try_from(date.year).ok()?;
    let day = Date::new(year, small(date.month)?, small(date.day)?).ok()?;
    // RFC 5322 allows second 60.
    let second = small(date.second.min(if date.second == 60 { 59 } else { date.second }))?;
    let valid =
        date.hour < 24 && date.minute < 60 && date.second <= 60 && date.tz_hour < 24 && date.tz_minute < 60;
    let local =
        valid.then(|| day.at(small(date.hour).unwrap_or(0), small(date.minute).unwrap_or(0), second, 0))?;
    let east = i32::from(date.tz_hour) * 3600 + i32::from(date.tz_minute) * 60;
    let offset = Offset::from_seconds(if date.tz_before_gmt { -east } else { east }).ok()?;
    TimeZone::fixed(offset).to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "mx.omnistock.test";

    fn verdicts(block: &str) -> (Option<String>, Option<String>, Option<String>) {
        let found = results(&Headers::parse(block), HOST);
        (found.spf, found.dkim, found.dmarc)
    }

    #[test]
    fn only_the_topmost_of_the_trusted_host_counts() {
        let own = "Authentication-Results: MX.omnistock.test 1; spf=fail (x=y; spf=pass) smtp.mailfrom=a@b.test;\n \
                   dkim=none; dkim=pass header.d=b.test; dmarc=fail reason=\"x; dmarc=pass\"";
        let forged = "Authentication-Results: mx.omnistock.test; spf=pass; dkim=pass; dmarc=pass";
        let expected = (Some("fail".to_owned()), Some("pass".to_owned()), Some("fail".to_owned()));
        assert_eq!(verdicts(&format!("{own}\n{forged}")), expected);
        assert_eq!(verdicts("Authentication-Results: mx.evil.test; dmarc=pass"), (None, None, None));
        assert_eq!(results(&Headers::parse(forged), ""), Authentication::default());
    }

    #[test]
    fn the_newest_received_of_the_trusted_host() {
        let block = "Received: from localhost by imap.omnistock.test; Mon, 2 Mar 2026 09:00:09 +0100\n\
                     Received: from a.test (by b) by mx.omnistock.test (Postfix) id 1; Mon, 2 Mar 2026 09:00:05 +0100 (CET)\n\
                     Received: from forged by mx.omnistock.test; Mon, 2 Feb 2026 09:00:00 +0100";
        let expected = "2026-03-02T08:00:05Z".parse().ok();
        assert_eq!(received_by(&Headers::parse(block), HOST), expected);
        assert_eq!(received_by(&Headers::parse(block), ""), None);
    }

    #[test]
    fn no_such_day_is_no_moment() {
        let read = |text: &str| {
            let line = format!("{text}\n");
            let parsed = MessageStream::new(line.as_bytes()).parse_date();
            parsed.as_datetime().and_then(moment)
        };
        assert_eq!(read("Tue, 31 Feb 2026 10:00:00 +0100"), None);
        assert_eq!(read("Mon, 2 Mar 2026 25:61:00 +0100"), None);
        assert_eq!(read("Mon, 2 Mar 2026 10:00:00 -0530"), "2026-03-02T15:30:00Z".parse().ok());
    }
}
