import AgentBackend
import BrokerServer
import Glibc

/// What `serve` prints when it accepts connections.
struct ReadyLine {
    private let report: ReadyReport

    init(_ report: ReadyReport) {
        self.report = report
    }

    func print(asJSON: Bool) {
        write(asJSON: asJSON, to: STDOUT_FILENO)
    }

    func write(asJSON: Bool, to descriptor: Int32) {
        let bytes = asJSON ? json.text + [UInt8(ascii: "\n")] : Array(text.utf8)
        bytes.withUnsafeBytes { bytes in _ = Glibc.write(descriptor, bytes.baseAddress, bytes.count) }
    }

    /// For a program: one line, once.
    private var json: JSONLine {
        var line = JSONLine()
        line.add("ready", true)
        line.add("wire", report.wires.first?.address ?? "")
        line.add("wires", report.wires.map(\.address))
        line.add("tls_wires", report.wires.filter(\.speaksTLS).map(\.address))
        line.add("http", report.http.first?.address ?? "")
        line.add("http_addresses", report.http.map(\.address))
        line.add("unix", report.unix ?? "")
        line.add("tls", report.wires.first?.speaksTLS ?? false)
        line.add("root", report.root)
        line.add("isolation", report.isolation)
        line.add("version", report.version)
        line.add("pid", getpid())
        if let embedded = report.embeddedToken {
            line.add("org", embedded.org)
            line.add("token", embedded.token)
        }
        return line
    }

    /// For a person who has just started a broker and wants to talk to it.
    private var text: String {
        let wire = report.wires.first
        let address = wire?.address ?? report.unix.map { "unix:\($0)" } ?? ""
        let isolation = report.isolation.isEmpty ? "commands are refused" : "commands isolated by \(report.isolation)"
        let addresses = report.wires.map(\.address) + [report.unix].compactMap { $0 }
        var lines = [
            "agent-broker \(report.version) is ready: \(addresses.joined(separator: ", "))",
            "  root \(report.root), \(isolation)",
        ]
        if !report.http.isEmpty {
            let urls = report.http.map { "\($0.speaksTLS ? "https" : "http")://\($0.address)" }
            lines.append("  HTTP on \(urls.joined(separator: ", ")): /mcp/KEY, /healthz, /readyz")
        }
        if let embedded = report.embeddedToken {
            lines += [
                "",
                "Talk to it from a second terminal (org \"\(embedded.org)\"):",
                "",
                "  export AGENT_BROKER_ADDRESS=\(address)\(wire?.speaksTLS == true ? " AGENT_BROKER_TLS=1" : "")",
                "  export AGENT_BROKER_TOKEN=\(embedded.token)",
                "  export PATH=\"\(Self.ownDirectory):$PATH\"",
                "",
                "  echo 'hello from an agent' | agent-broker write --key demo hello.txt",
                "  agent-broker exec --key demo -- 'wc hello.txt; id'",
                "",
                "Ctrl-C ends it.",
            ]
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static var ownDirectory: String {
        let path = [UInt8](unsafeUninitializedCapacity: Int(PATH_MAX)) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            count = max(0, readlink("/proc/self/exe", UnsafeMutableRawPointer(start), buffer.count))
        }
        let text = String(decoding: path, as: UTF8.self)
        return text.lastIndex(of: "/").map { String(text[..<$0]) } ?? "."
    }
}
