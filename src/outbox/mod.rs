//! 4. Letters out: notices are rendered and delivered. Knows neither the store nor the intake.

pub mod compose;
pub mod deliver;
mod digest;
pub mod letterhead;
pub mod maildir;
pub mod phrases;
pub mod replies;
pub mod retry;
pub mod samples;
pub mod smtp;
pub mod templates;
mod values;
pub mod wording;
