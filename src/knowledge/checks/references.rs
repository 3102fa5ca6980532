//! Identifiers of other objects: they exist, are live, and reach the same people.

use crate::diagnostic::Diagnostic;
use crate::domain::experience::{Content, ExperienceKind, ShowOn, Status};
use crate::knowledge::entry::{Entry, Object};
use crate::knowledge::kind::Kind;
use crate::knowledge::uses::{Reference, Role};

use super::{Across, overlap};

/// Reports references that lead nowhere, or to what nobody can see.
pub(super) fn check(across: &mut Across<'_>) {
    for (_, entry) in across.entries {
        for reference in &entry.uses.references {
            match across.object(reference.kind, &reference.id) {
                None => dangling(across, reference),
                Some(target) => found(across, entry, reference, target),
            }
        }
        awaited_trigger(across, entry);
    }
}

fn dangling(across: &mut Across<'_>, reference: &Reference) {
    let (kind, id) = (reference.kind, reference.id.as_str());
    let message = format!("unknown {kind} `{id}`");
    let diagnostic = Diagnostic::error(kind.unknown_code(), reference.place.clone(), message);
    let other = Kind::ALL.into_iter().find(|other| across.object(*other, id).is_some());
    let diagnostic = match other {
        Some(other) => diagnostic.hint(format!("`{id}` is the id of another kind of object: {other}")),
        None => {
            let diagnostic = diagnostic.suggest(id, across.ids(kind));
            match diagnostic.hint {
                Some(_) => diagnostic,
                None => diagnostic.hint(format!("write `{}/{id}.{}`", kind.folder(), kind.extensions()[0])),
            }
        }
    };
    across.report(diagnostic);
}

fn found(across: &mut Across<'_>, owner: &Entry, reference: &Reference, target: &Entry) {
    let (kind, id) = (reference.kind, &reference.id);
    match reference.role {
        Role::Mention => {}
        Role::Checklist => {
            let experience = experience_kind(target);
            if experience.is_some_and(|kind| kind != ExperienceKind::Checklist) {
                let found = experience.map(ExperienceKind::name).unwrap_or_default();
                let message = format!("`{id}` is a {found}, and a checklist is expected here");
                across.report(Diagnostic::error("not-a-checklist", reference.place.clone(), message));
            }
        }
        Role::Launch => {
            // A draft may lead to a draft: neither reaches anybody yet.
            let owner_is_live = matches!(owner.status(), Some(Status::Published | Status::Scheduled));
            if !owner_is_live {
                return;
            }
            if let Some(status @ (Status::Draft | Status::Paused | Status::Archived)) = target.status() {
                let message = format!("the {kind} `{id}` is not live: its status is `{}`", status.name());
                let hint = "publish it, or remove what leads to it; until then it is never offered";
                across.report(Diagnostic::warning("not-live", reference.place.clone(), message).hint(hint));
            }
            if let Some(reason) = overlap::never(across, owner, target) {
                let message = format!("nobody can see both this and the {kind} `{id}`: {reason}");
                let hint = "change one of the two audiences";
                across.report(Diagnostic::warning("disjoint-audience", reference.place.clone(), message).hint(hint));
            }
        }
    }
}

fn experience_kind(entry: &Entry) -> Option<ExperienceKind> {
    match entry.object.as_ref()? {
        Object::Experience(experience) => Some(experience.kind()),
        Object::Settings(_)
        | Object::Article(_)
        | Object::Answer(_)
        | Object::Post(_)
        | Object::Automation(_)
        | Object::Segment(_)
        | Object::Trigger(_) => None,
    }
}

/// An experience that waits for a trigger needs a trigger that launches it.
fn awaited_trigger(across: &mut Across<'_>, entry: &Entry) {
    let (Some(Object::Experience(experience)), Some((_, place))) = (&entry.object, &entry.id) else { return };
    if experience.show_on != ShowOn::Trigger || experience.status != Status::Published {
        return;
    }
    let launches =
        across.entries.iter().filter(|(_, entry)| entry.object_kind() == Some(Kind::Trigger)).any(|(_, entry)| {
            let references = &entry.uses.references;
            references.iter().any(|reference| reference.role == Role::Launch && reference.id == experience.id.as_str())
        });
    if !launches && !matches!(experience.content, Content::ResourceCenter(_)) {
        let message = format!("no trigger launches `{}`, which waits for one with `show_on: trigger`", experience.id);
        let hint = "write a file in `triggers`, or choose another `show_on`";
        across.report(Diagnostic::warning("no-trigger", place.clone(), message).hint(hint));
    }
}
