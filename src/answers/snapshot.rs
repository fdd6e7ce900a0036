//! A copy of the register at one moment, for a backup or an export that the running service does not have to wait for.

use serde_json::json;

use super::Reply;
use crate::engine::EngineError;
use crate::store::Store;

/// Makes the copy, and says where it is. Whoever asked takes hold of it and removes it. As long as it gets on, `alive`
/// is called again and again.
///
/// # Errors
/// [`EngineError::Store`].
pub async fn snapshot(store: Store, alive: impl FnMut() + Send + 'static) -> Result<Reply, EngineError> {
    let dir = store.snapshot(alive).await?;
    Ok(Reply::data(json!({ "snapshot": dir })))
}
