//! What a fault of the client or the server means for the caller.

use qdrant_client::QdrantError;

use super::NAME;
use crate::ports::vector_store::VectorStoreError;

/// Codes of gRPC (`google.rpc.Code`) by what can be done.
const INVALID_ARGUMENT: i32 = 3;
const NOT_FOUND: i32 = 5;
const PERMISSION_DENIED: i32 = 7;
const UNIMPLEMENTED: i32 = 12;
const UNAUTHENTICATED: i32 = 16;

/// The fault as the port knows it.
pub(super) fn of(error: &QdrantError) -> VectorStoreError {
    let store = NAME.to_owned();
    let QdrantError::ResponseError { status } = error else {
        return match error {
            QdrantError::InvalidUri(_) | QdrantError::ConversionError(_) => {
                VectorStoreError::Refused { store, reason: error.to_string() }
            }
            _ => VectorStoreError::Unavailable { store, reason: error.to_string() },
        };
    };
    let reason = match status.message() {
        "" => status.code().to_string(),
        message => message.to_owned(),
    };
    match i32::from(status.code()) {
        NOT_FOUND => VectorStoreError::Lost { store, reason },
        INVALID_ARGUMENT | PERMISSION_DENIED | UNIMPLEMENTED | UNAUTHENTICATED => {
            VectorStoreError::Refused { store, reason }
        }
        _ => VectorStoreError::Unavailable { store, reason },
    }
}

/// A fault that may pass.
pub(super) fn unavailable(reason: impl Into<String>) -> VectorStoreError {
    VectorStoreError::Unavailable { store: NAME.to_owned(), reason: reason.into() }
}
