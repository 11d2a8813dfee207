//! What every handler can reach.

use crate::site::Site;
use control::Control;
use outbound::http::Guarded;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// The state of the router. Cheap to clone; holds nothing that another replica would need.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    control: Control,
    outbound: Guarded,
    site: Site,
    ending: CancellationToken,
}

impl App {
    /// Put together by the composition root.
    pub fn new(control: Control, outbound: Guarded, site: Site, ending: CancellationToken) -> Self {
        Self(Arc::new(Inner { control, outbound, site, ending }))
    }

    /// The use cases.
    pub fn control(&self) -> &Control {
        &self.0.control
    }

    /// The one client that calls out.
    pub fn outbound(&self) -> &Guarded {
        &self.0.outbound
    }

    /// Static files.
    pub fn site(&self) -> &Site {
        &self.0.site
    }

    /// Scheme, host and port under which everybody reaches this installation. Never taken from a request.
    pub fn public_url(&self) -> &str {
        &self.control().parts().public_url
    }

    /// Whether that is HTTPS, so that cookies can be `__Host-`.
    pub fn secure(&self) -> bool {
        self.public_url().starts_with("https://")
    }

    /// Done when the process is asked to end: whoever holds a request open lets go of it then.
    pub fn ending(&self) -> &CancellationToken {
        &self.0.ending
    }
}
