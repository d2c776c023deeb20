//! The root context: it is given the configuration and makes the requests' contexts.

use std::os::wasi::ffi::OsStringExt;
use std::rc::Rc;

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::ContextType;

use super::http::Webhook;
use super::io;
use super::plugin::Plugin;
use crate::policy::Policy;

/// The root context: one for each plugin configuration on each worker.
#[derive(Default)]
pub(super) struct Root {
    plugin: Option<Rc<Plugin>>,
}

impl Context for Root {}

impl RootContext for Root {
    /// Reads the configuration, and says whether it is a good one.
    fn on_configure(&mut self, _size: usize) -> bool {
        let configuration = io::plugin_configuration().unwrap_or_default();
        let environment = |name: &str| std::env::var_os(name).map(OsStringExt::into_vec);
        match Policy::parse(&configuration, &environment) {
            Ok(policy) => {
                let (version, routes) = (env!("CARGO_PKG_VERSION"), policy.routes().len());
                log::info!("twilio_webhook: version {version} is configured with {routes} route(s)");
                for warning in policy.warnings() {
                    log::warn!("twilio_webhook: {warning}");
                }
                self.plugin = Some(Rc::new(Plugin::new(policy)));
                true
            }
            Err(error) => {
                log::error!("twilio_webhook: configuration rejected: {error}");
                false
            }
        }
    }

    fn on_tick(&mut self) {
        if let Some(plugin) = &self.plugin {
            plugin.look_at_waiting();
        }
    }

    /// Begins a request. There is none before there is a configuration: it would have nothing to be judged by, and the SDK
    /// panics on `None`, which lets nothing pass.
    fn create_http_context(&self, context_id: u32) -> Option<Box<dyn HttpContext>> {
        let plugin = Rc::clone(self.plugin.as_ref()?);
        Some(Box::new(Webhook::new(context_id, plugin)))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
