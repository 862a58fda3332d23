//! Which configuration and which connectors count at this moment.

use std::sync::Arc;

use tokio::sync::watch;

use super::App;

/// The [`App`] in force. Clones show the same.
#[derive(Debug, Clone)]
pub struct InForce(Arc<watch::Sender<Arc<App>>>);

impl InForce {
    /// Begins with this one.
    pub fn new(app: Arc<App>) -> Self {
        Self(Arc::new(watch::Sender::new(app)))
    }

    /// The one in force now. Who works with it does so to the end of what they do, though another may come.
    pub fn now(&self) -> Arc<App> {
        Arc::clone(&self.0.borrow())
    }

    /// From now on this one counts.
    pub fn replace(&self, app: Arc<App>) {
        self.0.send_replace(app);
    }

    /// Tells of each change from now on.
    pub fn changes(&self) -> watch::Receiver<Arc<App>> {
        self.0.subscribe()
    }
}
