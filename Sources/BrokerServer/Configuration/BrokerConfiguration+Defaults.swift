import Glibc

extension BrokerConfiguration {
    /// Where a broker of this process keeps its state unless told otherwise: `/var/lib/agent-broker` for root,
    /// else `agent-broker` beneath `$XDG_STATE_HOME` or `~/.local/state`.
    ///
    /// - Parameter variable: the value of an environment variable of this process.
    package static func defaultRoot(
        isPrivileged: Bool = geteuid() == 0,
        variable: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
    ) -> String {
        let systemWide = "/var/lib/agent-broker"
        if isPrivileged { return systemWide }
        // The XDG specification: what is not absolute does not count.
        if let state = variable("XDG_STATE_HOME"), state.hasPrefix("/") {
            return state + "/agent-broker"
        }
        if let home = variable("HOME"), home.hasPrefix("/") {
            return home + "/.local/state/agent-broker"
        }
        return systemWide
    }

    /// The name of this host, or `localhost` where it has none.
    package static func hostName() -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        bytes.withUnsafeMutableBytes { buffer in
            buffer.withMemoryRebound(to: CChar.self) { buffer in
                guard let start = buffer.baseAddress else { return }
                // One byte less than there is: a name that is cut is not terminated.
                gethostname(start, buffer.count - 1)
            }
        }
        let name = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        return name.isEmpty ? "localhost" : name
    }
}
