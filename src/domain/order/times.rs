//! Times of day as people type them: 14:00, 14.30 uur, 14u30, 2 pm.

use jiff::civil::Time;

use super::tokens::Tokens;

/// What should be a time of day is none. The byte where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoSuchTime(pub(super) usize);

/// The time of day with which `words` begin and how many bytes it takes; `None` when they begin with something else.
pub(super) fn time(words: &str) -> Result<Option<(Time, usize)>, NoSuchTime> {
    let mut tokens = Tokens::of(words);
    let announced = tokens.word(&["om", "at", "@", "vanaf", "from"]).is_some();
    let start = tokens.start();
    let hour = tokens.number(1..=2);
    let Some((hour, clock)) = hour.and_then(|hour| Some((hour, clock(&mut tokens)?))) else {
        // "at the office" is a place; "om 9" may be in the morning or in the evening, "half drie" is not read.
        let meant = announced && (hour.is_some() || tokens.word(&["half", "kwart", "quarter"]).is_some());
        return if meant { Err(NoSuchTime(start)) } else { Ok(None) };
    };
    let hour = match clock.half {
        Some(Half::Morning) if (1..=12).contains(&hour) => hour % 12,
        Some(Half::Afternoon) if (1..=12).contains(&hour) => hour % 12 + 12,
        Some(_) => return Err(NoSuchTime(start)),
        None => hour,
    };
    let small = |number: i16| i8::try_from(number).map_err(|_| NoSuchTime(start));
    let time = Time::new(small(hour)?, small(clock.minute)?, 0, 0).map_err(|_| NoSuchTime(start))?;
    // A span of time ("14:00-15:00") would lose its end.
    let used = tokens.used();
    let span = tokens.word(&["-", "tot", "to", "until", "till"]).and_then(|()| tokens.number(1..=4));
    if tokens.goes_on(&[":", "."]) || span.is_some() {
        return Err(NoSuchTime(start));
    }
    Ok(Some((time, used)))
}

struct Clock {
    minute: i16,
    half: Option<Half>,
}

#[derive(Clone, Copy)]
enum Half {
    Morning,
    Afternoon,
}

/// What makes a time of the hour before it: minutes, "uur", "pm".
fn clock(tokens: &mut Tokens) -> Option<Clock> {
    let minute = tokens.whole(|tokens| {
        tokens
            .glued_mark(&[":", "."])
            .or_else(|| if glued(tokens) { tokens.word(&["u", "h"]) } else { None })?;
        tokens.glued_number(2..=2)
    });
    let half = tokens.whole(half);
    let named =
        half.is_none() && tokens.whole(|tokens| tokens.word(&["uur", "u", "h", "hrs", "hours"])).is_some();
    let oclock = tokens.whole(|tokens| {
        tokens.word(&["o"])?;
        tokens.glued_mark(&["'", "’"])?;
        tokens.word(&["clock"])
    });
    let said = minute.is_some() || half.is_some() || named || oclock.is_some();
    said.then_some(Clock { minute: minute.unwrap_or(0), half })
}

fn glued(tokens: &Tokens) -> bool {
    tokens.peek().is_some_and(|token| token.glued)
}

/// am, a.m., pm, p.m.
fn half(tokens: &mut Tokens) -> Option<Half> {
    let (half, short) = tokens.take(|token| match token.text.as_str() {
        "am" => Some((Half::Morning, false)),
        "pm" => Some((Half::Afternoon, false)),
        "a" => Some((Half::Morning, true)),
        "p" => Some((Half::Afternoon, true)),
        _ => None,
    })?;
    if short {
        tokens.glued_mark(&["."])?;
        tokens.word(&["m"])?;
        tokens.glued_mark(&["."]);
    }
    Some(half)
}
