package import AgentBackend

/// For whom sandboxes are made: what all of them together may use, and each of their commands.
package struct CommandTenant: Sendable {
    /// Tells tenants apart: of letters, digits and "-".
    package var name: String
    /// As they are now. What holds for all commands together, and what a sandbox is made with, counts from the next
    /// sandbox on; the rest from the next command on.
    package var limits: @Sendable () -> Limits

    package init(name: String = "all", limits: @escaping @Sendable () -> Limits = { Limits() }) {
        self.name = name
        self.limits = limits
    }

    package struct Limits: Sendable, Hashable {
        /// Of each command; memory and processes of all of them together. Nil: the runner's.
        package var exec: ExecLimits
        /// How much of the processors all of them get while others want them too. 100: as others; 1 to 10000.
        package var processorWeight: Int
        /// A command may ask for the host's network.
        package var allowsHostNetwork: Bool

        package init(exec: ExecLimits = ExecLimits(), processorWeight: Int = 100, allowsHostNetwork: Bool = false) {
            self.exec = exec
            self.processorWeight = processorWeight
            self.allowsHostNetwork = allowsHostNetwork
        }
    }
}

/// What a sandbox is made for.
struct SandboxPurpose: Sendable {
    /// Whom commands run as. Nil: the process's own user.
    let identity: HostIdentity?
    let tenant: CommandTenant
    /// Memory and processes of all of its commands together, where that is less than what the tenant may use.
    let limits: ExecLimits
    let network: CommandNetwork
}
