internal import AgentBackend

/// What runners of a process have in common, so that it is made once: the agent's program, and control groups that have
/// been tried. Safe to share.
package final class SandboxHost: Sendable {
    let agent: Result<SharedDescriptor, BackendError>
    let controlGroups: ControlGroups

    /// Tries what there is. What fails shows where it is used.
    package init(_ configuration: CommandRunner.Configuration) {
        agent = Result { () throws(BackendError) in try AgentProgram.makeFile() }
        controlGroups = ControlGroups(configuration.controlGroups, processorWeight: configuration.processorWeight)
    }
}
