//! 2. Decide: the pure core. It takes letters, dates and orders as values and gives back facts and notices as values.

pub mod calendar;
pub mod complaint;
pub mod fact;
pub mod house;
pub mod ladder;
pub mod mail;
pub mod notice;
pub mod order;
pub mod outgoing;
pub mod procedure;
pub mod signing;
pub mod term;
pub mod decide;
pub mod decision;
pub mod digest;
pub mod event;
pub mod guard;
pub mod reference;
pub mod reply;
