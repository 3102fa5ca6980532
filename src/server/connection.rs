//! One connection of a client, whatever carries it: [`session::step`] decides what is
//! to be done, and it is done here.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use super::App;
use super::clock::spread;
use super::content;
use super::hub::{Entered, Entrance, Following, not_stored};
use super::metrics::Joining;
use super::outbox::{Outgoing, Outlets};
use super::seats::Seat;
use super::throttles::begins_turn;
use crate::domain::ids::{ConversationId, PostId, UserId};
use crate::domain::revocation::Revocations;
use crate::domain::user::UserContext;
use crate::protocol::close_code::CloseCode;
use crate::protocol::hello::AgentInfo;
use crate::protocol::post::FeedPage;
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};
use crate::session;
use crate::session::conversation::command::Request;
use crate::session::effect::Effect;
use crate::session::event::{Event, Joined};
use crate::session::profile::Profile;
use crate::session::state::{Opening, State};

/// One connection of a client.
pub(super) struct Connection<'a> {
    app: &'a Arc<App>,
    outlets: Outlets,
    /// Taken while it is stepped.
    state: Option<State>,
    /// Its name, until `welcome` tells it.
    name: Option<String>,
    /// Where it comes from, when it is not this computer.
    address: Option<IpAddr>,
    following: Option<Following>,
    replay: Vec<Outgoing>,
    pub(super) revocations: watch::Receiver<Arc<Revocations>>,
    /// Held as long as the connection is open.
    seat: Option<Seat>,
}

impl<'a> Connection<'a> {
    pub(super) fn new(
        app: &'a Arc<App>,
        outlets: Outlets,
        opening: Opening,
        (name, address): (String, Option<IpAddr>),
    ) -> Self {
        Self {
            app,
            outlets,
            state: Some(State::open(&app.settings.now().session, opening, app.clock.now())),
            name: Some(name),
            address,
            following: None,
            replay: Vec::new(),
            revocations: app.revocations.clone(),
            seat: None,
        }
    }

    /// How far it is.
    pub(super) fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// Who is there, once that is known.
    pub(super) fn profile(&self) -> Option<&Profile> {
        self.state().and_then(State::profile)
    }

    /// Whether the conversation's run goes on.
    pub(super) fn is_busy(&self) -> bool {
        self.following.as_ref().is_some_and(Following::is_busy)
    }

    /// Counts the connection of `user` and takes a seat for it; else what happens instead.
    fn sit_down(&mut self, user: &UserId) -> Option<Event> {
        let settings = self.app.settings.now();
        if let Err(error) = self.app.throttles.hello(&settings.rates, user, self.app.clock.now()) {
            return Some(Event::JoinFailed(error));
        }
        self.seat = self.app.seats.take(user, settings.sockets_per_user);
        self.seat.is_none().then_some(Event::Crowded)
    }

    /// Whether the user or the token that says so was revoked.
    pub(super) fn is_revoked(&self) -> bool {
        let token = self.profile().and_then(|profile| Some((&profile.user, profile.token.as_ref()?)));
        token.is_some_and(|(user, token)| {
            self.revocations.borrow().concern(user, token.id.as_deref(), token.earliest().0)
        })
    }

    /// Follows its conversation no longer.
    pub(super) async fn leave(&mut self) {
        if let Some(following) = self.following.take() {
            self.app.hub.leave(&following).await;
        }
    }

    /// The event that the server is shutting down.
    pub(super) fn drain(&self) -> Event {
        let spread_ms = u64::try_from(self.app.settings.now().reconnect_spread.as_millis()).unwrap_or(u64::MAX);
        Event::Drain { busy: self.is_busy(), reconnect_after_ms: spread(spread_ms) }
    }

    /// Steps the session, and carries out what it wants; how to close, when it does.
    ///
    /// Apart, so that the memory it needs is not part of every idle connection.
    pub(super) fn event(&mut self, event: Event) -> BoxFuture<'_, Option<CloseCode>> {
        Box::pin(self.carry_out(event))
    }

    async fn carry_out(&mut self, event: Event) -> Option<CloseCode> {
        let mut effects = VecDeque::from(self.step(event));
        while let Some(effect) = effects.pop_front() {
            match effect {
                Effect::Send(frame) => {
                    if let ServerMessage::Error(error) = &frame.message {
                        self.app.metrics.refused(error.code);
                    }
                    self.answer(&frame);
                }
                Effect::Greet(frame) => {
                    let mut frames = vec![Outgoing::new(&frame)];
                    frames.append(&mut self.replay);
                    self.outlets.answers.prepend(frames);
                }
                Effect::Join(_) if self.is_revoked() => effects.extend(self.step(Event::Revoked)),
                Effect::Join(request) => {
                    if let Some(refusal) = self.sit_down(&request.user) {
                        effects.extend(self.step(refusal));
                        continue;
                    }
                    let event = match Box::pin(self.app.hub.join(request, &self.outlets.events)).await {
                        Ok(entry) => {
                            self.following = Some(entry.following);
                            self.app.metrics.joined(match (entry.resumed, entry.replay.is_empty()) {
                                (true, _) => Joining::Replayed,
                                (false, false) => Joining::Snapshot,
                                (false, true) => Joining::New,
                            });
                            self.replay = entry.replay;
                            Event::Joined(Joined {
                                session: self.name.take().unwrap_or_default(),
                                conversation: entry.conversation,
                                epoch: entry.epoch,
                                seq: entry.seq,
                                resumed: entry.resumed,
                                agent: self.agent_info(),
                            })
                        }
                        Err(error) => Event::JoinFailed(error),
                    };
                    effects.extend(self.step(event));
                }
                Effect::Converse(mut request) => {
                    self.throttle(&mut request);
                    if let Some(following) = &self.following {
                        Box::pin(self.app.hub.request(following, request, &self.outlets.answers)).await;
                    }
                }
                Effect::Enter { conversation, otherwise, mut request } => {
                    self.throttle(&mut request);
                    let entering = Box::pin(self.enter(conversation, otherwise, request));
                    if let Some(event) = entering.await {
                        effects.extend(self.step(event));
                    }
                }
                Effect::Used => {
                    if let Some(following) = &self.following {
                        Box::pin(self.app.hub.used(following)).await;
                    }
                }
                Effect::ReadExperience { reference, experience, context } => {
                    let published = self.app.answerer.published();
                    let now = self.app.clock.now();
                    self.answer(&content::experience(&published, &experience, &context, reference, now));
                }
                Effect::ReadPost { reference, post, context } => {
                    let published = self.app.answerer.published();
                    let frame = content::post(&published, &post, &context, reference, self.app.clock.now());
                    if matches!(frame.message, ServerMessage::PostContent(_))
                        && let Err(error) = self.app.store.see_post(&context.user.id, &post).await
                    {
                        tracing::error!(%error, "it cannot be noted that a post was seen");
                    }
                    self.answer(&frame);
                }
                Effect::ReadFeed { reference, before, limit, context } => {
                    let feeding = Box::pin(self.feed((before.as_ref(), limit), &context));
                    let message = feeding.await.map_or_else(ServerMessage::Error, ServerMessage::FeedPage);
                    self.answer(&ServerFrame::answer(reference, message));
                }
                Effect::ReadHistory { reference, conversation, user, before, limit } => {
                    let page = Box::pin(self.app.hub.history(&conversation, &user, before, limit)).await;
                    let message = match page {
                        Ok(page) => ServerMessage::HistoryPage(page),
                        Err(error) => ServerMessage::Error(error),
                    };
                    self.answer(&ServerFrame::answer(reference, message));
                }
                Effect::Close(code) => return Some(code),
            }
        }
        None
    }

    async fn feed(&self, page: (Option<&PostId>, u32), context: &UserContext) -> Result<FeedPage, CommandError> {
        let seen = self.app.store.seen_posts(&context.user.id).await.map_err(|error| not_stored(&error))?;
        content::feed(&self.app.answerer.published(), page, context, &seen, self.app.clock.now())
    }

    fn answer(&self, frame: &ServerFrame) {
        self.outlets.answers.push(Outgoing::new(frame));
    }

    /// Counts a turn, and refuses one too many.
    fn throttle(&self, request: &mut Request) {
        if let Some(profile) = self.profile().filter(|_| begins_turn(&request.command)) {
            let counted =
                self.app.throttles.turn(&self.app.settings.now().rates, profile, self.address, self.app.clock.now());
            request.refusal = counted.err();
        }
    }

    /// The event that the session gets when a new conversation was entered.
    async fn enter(
        &mut self,
        conversation: ConversationId,
        otherwise: ConversationId,
        request: Box<Request>,
    ) -> Option<Event> {
        let old = self.following.as_ref()?;
        let profile = self.profile()?;
        let (visitor, trace) = (profile.visitor(), profile.trace);
        let command = request.id.clone();
        let fingerprint = request.fingerprint;
        let entrance = Entrance { conversation, otherwise, request, visitor, trace };
        let Entered { following, conversation, ack } = self.app.hub.enter(old, entrance, &self.outlets).await?;
        self.following = Some(following);
        Some(Event::Entered { conversation, command, fingerprint, ack })
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let Some(state) = self.state.take() else { return Vec::new() };
        let (state, effects) = session::step(&self.app.settings.now().session, state, event);
        self.state = Some(state);
        effects
    }

    fn agent_info(&self) -> AgentInfo {
        let settings = &self.app.answerer.published().project.settings;
        AgentInfo {
            name: settings.name.clone(),
            greeting: settings.greeting.clone(),
            suggestions: settings.suggestions.clone(),
        }
    }
}
