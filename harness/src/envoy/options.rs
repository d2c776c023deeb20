//! How to start an Envoy.

/// What is not in the bootstrap. The default is one worker and the log level `info`.
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) concurrency: u32,
    pub(super) env: Vec<(String, String)>,
    pub(super) log_level: String,
    pub(super) component_log_level: Option<String>,
    pub(super) arguments: Vec<String>,
    pub(super) hot_restart: HotRestart,
}

/// Whether a process takes part in a hot restart, which needs an id and shared memory.
#[derive(Clone, Debug)]
pub(super) enum HotRestart {
    No,
    /// It may hand its listeners over.
    Before,
    /// It takes those of the process with this id.
    After(String),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            concurrency: 1,
            env: Vec::new(),
            log_level: "info".to_owned(),
            component_log_level: None,
            arguments: Vec::new(),
            hot_restart: HotRestart::No,
        }
    }
}

impl Options {
    /// Sets how many worker threads, each with a virtual machine of its own.
    #[must_use]
    pub fn concurrency(mut self, workers: u32) -> Self {
        self.concurrency = workers;
        self
    }

    /// Sets an environment variable. The process inherits none, so a token of the developer's shell cannot
    /// matter.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets the log level of every component, like `warning`.
    #[must_use]
    pub fn log_level(mut self, level: &str) -> Self {
        self.log_level = level.to_owned();
        self
    }

    /// Sets the log level of some components, like `wasm:debug`.
    #[must_use]
    pub fn component_log_level(mut self, levels: &str) -> Self {
        self.component_log_level = Some(levels.to_owned());
        self
    }

    /// Lets another process take over with [`Options::after`].
    #[must_use]
    pub fn hot_restart(mut self) -> Self {
        self.hot_restart = HotRestart::Before;
        self
    }

    /// Adds a command line argument.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }
}
