//! How often each person, each address and the project as a whole may connect, and
//! may begin a turn.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::ids::UserId;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::launch::LaunchMode;
use crate::protocol::server_message::CommandError;
use crate::session::conversation::command::Command;
use crate::session::moment::Moment;
use crate::session::profile::Profile;
use crate::session::rate::{Rate, TokenBucket};

/// Holders whose buckets are kept, of each kind of thing: about 10 MB.
const REMEMBERED: usize = 50_000;

/// How often what may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Turns of an anonymous visitor.
    pub visitor_turns: Rate,
    /// Turns of a user whose token was verified.
    pub user_turns: Rate,
    /// Turns from one address.
    pub address_turns: Rate,
    /// Turns of all.
    pub project_turns: Rate,
    /// Connections of a visitor or a user.
    pub user_connections: Rate,
    /// Connections from one address.
    pub address_connections: Rate,
    /// Connections of all.
    pub project_connections: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        let per_minute = |count: u32| Rate { count, window_ms: 60_000 };
        Self {
            visitor_turns: per_minute(10),
            user_turns: per_minute(60),
            address_turns: per_minute(120),
            project_turns: per_minute(12_000),
            user_connections: per_minute(60),
            address_connections: Rate::with_burst(180, 20),
            project_connections: per_minute(60_000),
        }
    }
}

/// Who has a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holder {
    Person(UserId),
    Address(IpAddr),
    Project,
}

/// The buckets of one kind of thing.
#[derive(Debug, Default)]
struct Buckets(Mutex<HashMap<Holder, TokenBucket>>);

/// The buckets of all.
#[derive(Debug, Default)]
pub(crate) struct Throttles {
    turns: Buckets,
    connections: Buckets,
}

impl Throttles {
    /// Counts a turn.
    ///
    /// # Errors
    /// When there are too many: what to tell the client.
    pub(crate) fn turn(
        &self,
        rates: &Rates,
        profile: &Profile,
        address: Option<IpAddr>,
        now: Moment,
    ) -> Result<(), CommandError> {
        let person = if profile.token.is_some() { rates.user_turns } else { rates.visitor_turns };
        let mut wanted = vec![(Holder::Person(profile.user.clone()), person)];
        wanted.extend(address.map(|address| (Holder::Address(network(address)), rates.address_turns)));
        wanted.push((Holder::Project, rates.project_turns));
        self.turns.take(wanted, now).map_err(|wait| too_many("too many messages in a short time", wait))
    }

    /// Counts a connection from an address.
    ///
    /// # Errors
    /// When there are too many: in how many milliseconds there may be one.
    pub(crate) fn connection(&self, rates: &Rates, address: Option<IpAddr>, now: Moment) -> Result<(), u64> {
        let from = address.map(|address| (Holder::Address(network(address)), rates.address_connections));
        self.connections.take(from.into_iter().chain([(Holder::Project, rates.project_connections)]), now)
    }

    /// Counts a connection of a person.
    ///
    /// # Errors
    /// When there are too many: what to tell the client.
    pub(crate) fn hello(&self, rates: &Rates, user: &UserId, now: Moment) -> Result<(), CommandError> {
        let wanted = [(Holder::Person(user.clone()), rates.user_connections)];
        self.connections.take(wanted, now).map_err(|wait| too_many("too many connections in a short time", wait))
    }
}

impl Buckets {
    /// Takes a token of each, those of the narrowest holder first, so that who has none
    /// left takes none from the others.
    fn take(&self, wanted: impl IntoIterator<Item = (Holder, Rate)>, now: Moment) -> Result<(), u64> {
        let mut all = self.lock();
        for (holder, rate) in wanted {
            if all.len() >= REMEMBERED && !all.contains_key(&holder) {
                // A full bucket is as good as none.
                all.retain(|_, bucket| !bucket.is_full(now));
                if all.len() > REMEMBERED / 2 {
                    all.clear();
                }
            }
            let bucket = all.entry(holder).or_insert_with(|| TokenBucket::new(rate, now));
            if bucket.rate() != rate {
                *bucket = TokenBucket::new(rate, now);
            }
            bucket.take(now)?;
        }
        Ok(())
    }

    /// The lock is held for map accesses, never across a wait.
    fn lock(&self) -> MutexGuard<'_, HashMap<Holder, TokenBucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a command lets the agent begin a turn.
pub(crate) fn begins_turn(command: &Command) -> bool {
    match command {
        Command::Say(_) | Command::Regenerate { .. } => true,
        Command::Launch(launch) => launch.mode == LaunchMode::Send,
        Command::Claim { .. } | Command::Report(_) | Command::Judge(_) | Command::Cancel(_) | Command::Read(_) => false,
    }
}

/// Whoever has an address of version 6 has all of its network.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

fn too_many(message: &str, wait: u64) -> CommandError {
    let mut error = CommandError::new(ErrorCode::RateLimited, message);
    error.retry_after_ms = Some(wait);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_apart_and_few() {
        let throttles = Throttles::default();
        let rates = Rates { address_connections: Rate::with_burst(60, 2), ..Rates::default() };
        let connect = |bits: u32, now: u64| throttles.connection(&rates, Some(IpAddr::V4(bits.into())), Moment(now));
        assert_eq!([connect(1, 0), connect(1, 0), connect(1, 0), connect(2, 0)], [Ok(()), Ok(()), Err(1_000), Ok(())]);
        assert_eq!(connect(1, 1_000), Ok(()));
        for bits in 0..120_000 {
            let _ = throttles.connection(&rates, Some(IpAddr::V4(bits.into())), Moment(2_000));
        }
        assert!(throttles.connections.lock().len() <= REMEMBERED);
        let neighbors = ["2001:db8::1", "2001:db8::ffff:1"].map(|text| network(text.parse().expect("an address")));
        assert_eq!(neighbors[0], neighbors[1]);
    }
}
