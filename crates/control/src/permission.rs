//! Who may do what in Writ itself. These are not MCP roles.

/// One of Writ's own admin roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AdminRole {
    /// Everything, admin roles included.
    Owner,
    /// Identity, roles, servers, clients; publishes.
    IamAdmin,
    /// Decides requests.
    Approver,
    /// Runs gateways.
    Operator,
    /// Reads everything, changes nothing.
    Auditor,
}

impl AdminRole {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Owner, Self::IamAdmin, Self::Approver, Self::Operator, Self::Auditor];

    /// Stable name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::IamAdmin => "iam_admin",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Auditor => "auditor",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }

    /// Whether the role has the permission: the whole matrix, in one place.
    pub const fn may(self, permission: Permission) -> bool {
        use Permission as P;
        matches!(
            (self, permission),
            (_, P::Anyone | P::SignedIn)
                | (Self::Owner, _)
                | (
                    Self::IamAdmin,
                    P::ReadConsole
                        | P::ReadConfig
                        | P::WriteConfig
                        | P::Publish
                        | P::Revoke
                        | P::ReadFleet
                        | P::WriteRollouts
                        | P::ReadRequests
                        | P::ReadAudit
                        | P::ReadPeople
                )
                | (Self::Approver, P::ReadConsole | P::ReadRequests | P::DecideRequests | P::Revoke)
                | (Self::Operator, P::ReadConsole | P::ReadFleet | P::WriteFleet | P::WriteRollouts | P::ReadConfig | P::Revoke)
                | (
                    Self::Auditor,
                    P::ReadConsole
                        | P::ReadConfig
                        | P::ReadFleet
                        | P::ReadRequests
                        | P::ReadAudit
                        | P::ExportAudit
                        | P::ReadPeople
                        | P::ReadAdmins
                )
        )
    }
}

/// What a use case or question needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Nothing: the use case authenticates by what it is given (a code, a token, an enrolment).
    Anyone,
    /// To be signed in to this tenant, with or without an admin role: asking for scopes, seeing one's own.
    SignedIn,
    /// To see the console at all.
    ReadConsole,
    /// To see roles, scopes, servers, clients, agents, drafts and bundles.
    ReadConfig,
    /// To change them.
    WriteConfig,
    /// To publish.
    Publish,
    /// To take away.
    Revoke,
    /// To see gateways.
    ReadFleet,
    /// To enrol and remove gateways.
    WriteFleet,
    /// To edit rings, to promote, halt and revert what is on its way through them, and to pin gateways.
    WriteRollouts,
    /// To see all requests and grants.
    ReadRequests,
    /// To decide requests.
    DecideRequests,
    /// To read the audit log.
    ReadAudit,
    /// To export it.
    ExportAudit,
    /// To see people.
    ReadPeople,
    /// To see who holds which admin role.
    ReadAdmins,
    /// To give and take admin roles.
    WriteAdmins,
    /// To change signing keys: ceremonies of the root, rotation. Owners only.
    WriteKeys,
    /// To be an enrolled gateway.
    BeGateway,
    /// To be Writ itself, at upkeep.
    BeSystem,
}
