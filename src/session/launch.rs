//! Launch Agent: the template is resolved here, in one pass, with the attributes
//! of this moment.

use super::conversation::command::{Command, Launch};
use super::effect::Effect;
use super::handshake::conversation_id;
use super::live::{Origin, check_length, setup};
use super::outcomes::Known;
use super::settings::SessionSettings;
use super::state::Live;
use super::{refuse, refuse_with};
use crate::agent::launch::{self, LaunchMessage};
use crate::domain::attribute::Template;
use crate::domain::ids::{ConversationId, UserId};
use crate::protocol::convert::value;
use crate::protocol::error_code::ErrorCode;
use crate::protocol::launch::{AgentLaunch, LaunchConversation, LaunchMode, LaunchSourceKind};
use crate::protocol::server_message::{CommandError, ServerFrame, ServerMessage};

pub(super) fn launch(settings: &SessionSettings, live: &mut Live, request: AgentLaunch, origin: Origin) -> Vec<Effect> {
    match live.outcomes.look_up(origin.id.as_deref(), origin.fingerprint) {
        Known::New => {}
        Known::Done(ack) => return vec![Effect::Send(ServerFrame::answer(origin.id, ServerMessage::Ack(ack)))],
        Known::Conflict => {
            return vec![refuse(
                origin.id,
                ErrorCode::IdempotencyConflict,
                "the identifier was used for another command",
            )];
        }
    }
    let enters = request.conversation;
    match resolve(settings, live, request) {
        Ok(launch) => {
            let otherwise = conversation_id(&origin.fresh);
            let conversation = match &origin.id {
                Some(id) => conversation_of_command(&live.profile.user, id),
                None => otherwise.clone(),
            };
            let request = origin.request(live, Command::Launch(Box::new(launch)));
            match enters {
                LaunchConversation::Current => vec![Effect::Converse(request)],
                LaunchConversation::New => vec![Effect::Enter { conversation, otherwise, request }],
            }
        }
        Err(error) => vec![refuse_with(origin.id, error)],
    }
}

/// The conversation that a command makes: found again when the command is sent
/// again over another connection (FNV-1a, 128 bits). Whose it is is checked apart.
fn conversation_of_command(user: &UserId, command: &str) -> ConversationId {
    let bytes = user.as_str().bytes().chain([0xff]).chain(command.bytes());
    let hash = bytes.fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    });
    conversation_id(&format!("{hash:032x}"))
}

fn resolve(settings: &SessionSettings, live: &Live, request: AgentLaunch) -> Result<Launch, CommandError> {
    let bad_request = |message: String| CommandError::new(ErrorCode::BadRequest, message);
    let attributes = value::attributes(&request.attributes)
        .map_err(|name| bad_request(format!("`{name}` is not the name of an attribute")))?;
    let setup = setup(live, &attributes);
    let source = request.message.map(|message| message.template).unwrap_or_default();
    let template = Template::parse(&source).map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        bad_request(format!("`template`: {}", errors.join("; ")))
    })?;
    let LaunchMessage { text, missing_attributes: missing, plain } = launch::resolve(&template, &setup.context);
    check_length(settings, &text)?;
    // A link can be made by anyone, so what it brings is only ever put into the field.
    let mode = match (request.mode, request.source.kind) {
        (LaunchMode::Send, LaunchSourceKind::Url) => LaunchMode::Prefill,
        (LaunchMode::Send, _) if text.trim().is_empty() => LaunchMode::Open,
        (mode, _) => mode,
    };
    Ok(Launch {
        text,
        plain,
        missing,
        mode,
        source: request.source,
        announce: request.conversation == LaunchConversation::New,
        setup,
    })
}
