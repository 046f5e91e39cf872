//! The roles of a process, as its settings name them. What a role does is not known here.

/// One role of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Serves configuration to clients and holds their polls.
    Config,
    /// Reports the live services to clients; shares the config role's port.
    Meta,
    /// Edits and publishes in one environment.
    Admin,
    /// Web UI and OpenAPI over all environments.
    Portal,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Config, Role::Meta, Role::Admin, Role::Portal];

    /// Name in settings and logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Role::Config => "config",
            Role::Meta => "meta",
            Role::Admin => "admin",
            Role::Portal => "portal",
        }
    }

    /// Parses a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}
