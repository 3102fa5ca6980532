//! Maps a message to a Custom Answer, or abstains.
//!
//! A wrong match fires a wrong action, so every match must hold on several
//! counts at once: the score, the words that carry the content, what is asked
//! for (not its opposite), and the distance to the next answer. What is close
//! to two answers becomes a question back; everything else is left to search.

pub mod calibration;
pub mod classifier;
pub mod features;
pub mod matcher;
pub mod message;
pub mod model;
pub mod phrases;
pub mod polarity;
pub mod review;
