//! Maps a message to a Custom Answer, or abstains.
//!
//! A wrong match fires a wrong action, so every match must hold on several
//! counts at once: the message is like the phrases at all, one answer is clearly
//! ahead of the others and of what articles are about, and it asks for what the
//! phrases ask for, not for the opposite. What is close to several answers becomes a
//! question back; everything else is left to search.

pub mod calibration;
pub mod classifier;
pub mod features;
pub mod matcher;
pub mod message;
pub mod model;
pub mod phrases;
pub mod polarity;
pub mod review;
mod variation;
