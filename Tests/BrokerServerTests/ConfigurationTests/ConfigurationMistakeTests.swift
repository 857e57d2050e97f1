import Testing

@testable import BrokerServer

/// What is said about files with mistakes.
@Suite struct ConfigurationMistakeTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        var text: String
        var line: Int
        var path: String
        var part: String

        init(_ text: String, line: Int, _ path: String, _ part: String) {
            self.text = text
            self.line = line
            self.path = path
            self.part = part
        }

        var testDescription: String { text.debugDescription }
    }

    private static let hash = String(repeating: "ab", count: 32)
    private static let id = "0123456789abcdef"
    private static let secret = "ab_\(id)_\(hash)"

    private static let structure = [
        Mistake("node: a\nlisen: []\n", line: 2, "", "did you mean \"listen\"?; allowed: root, listen,"),
        Mistake("limits:\n  maxFrameBytes: 1\n", line: 2, "limits", "did you mean \"max_frame_bytes\"?"),
        Mistake("zebra: 1\n", line: 1, "", "unknown key \"zebra\"; allowed:"),
        Mistake("- a\n- b\n", line: 1, "", "a list where a mapping must be"),
        Mistake("just text\n", line: 1, "", "a single value where a mapping must be"),
        Mistake("limits: 5\n", line: 1, "limits", "a single value where a mapping must be"),
        Mistake("limits: [a]\n", line: 1, "limits", "a list where a mapping must be"),
        Mistake("node: {a: b}\n", line: 1, "node", "a mapping where a value must be"),
        Mistake("node: [a]\n", line: 1, "node", "a list where a value must be"),
        Mistake("node:\n", line: 1, "node", "nothing where a value must be"),
        Mistake("node: null\n", line: 1, "node", "nothing where a value must be"),
        Mistake("listen: 127.0.0.1:7420\n", line: 1, "listen", "a single value where a list must be"),
        Mistake("orgs:\n  name: a\n", line: 2, "orgs", "a mapping where a list must be"),
        Mistake("orgs:\n  - a\n", line: 2, "orgs[0]", "a single value where a mapping must be"),
        Mistake("orgs:\n  -\n", line: 2, "orgs[0]", "nothing where a mapping must be"),
        Mistake("? {a: b}\n: c\n", line: 1, "", "a mapping where a key must be"),
        Mistake("<<: {node: a}\n", line: 1, "", "unknown key \"<<\""),
        Mistake("orgs:\n- name: a\n  env:\n    \"1\": a\n    1: b\n", line: 5, "orgs[0].env", "given twice"),
    ]

    private static let values = [
        Mistake("root: var/broker\n", line: 1, "root", "\"var/broker\" does not begin with /"),
        Mistake("root: \"/a\\0b\"\n", line: 1, "root", "has a NUL"),
        Mistake("unix_socket: /\(String(repeating: "x", count: 107))\n", line: 1, "unix_socket", "has 108 bytes"),
        Mistake("node: a b\n", line: 1, "node", "is no node name"),
        Mistake(
            "listen:\n  - 127.0.0.1:7420\n  - 7421\n",
            line: 3,
            "listen[1]",
            "\"7421\" is no address; allowed: HOST:PORT"
        ),
        Mistake("limits:\n  hello_deadline: 5\n", line: 2, "limits.hello_deadline", "has no unit: write 5ms, 5s"),
        Mistake("limits:\n  hello_deadline: 5 sec\n", line: 2, "limits.hello_deadline", "use us, ms, s, m, h or d"),
        Mistake(
            "limits:\n  hello_deadline: 2d\n",
            line: 2,
            "limits.hello_deadline",
            "too large; allowed: a duration from"
        ),
        Mistake("limits:\n  hello_deadline: 0s\n", line: 2, "limits.hello_deadline", "too small"),
        Mistake(
            "http:\n  allowed_origins: [\"agents.example.com\"]\n",
            line: 2,
            "http.allowed_origins[0]",
            "is no origin"
        ),
        Mistake(
            "http:\n  max_body_bytes: 8MiB\n  max_body_bytes_in_flight: 4MiB\n",
            line: 2,
            "http.max_body_bytes",
            "is more than http.max_body_bytes_in_flight (4MiB)"
        ),
        Mistake("limits:\n  max_frame_bytes: -1\n", line: 2, "limits.max_frame_bytes", "must not be negative"),
        Mistake("limits:\n  max_frame_bytes: 4MB\n", line: 2, "limits.max_frame_bytes", "use KiB, MiB, GiB or TiB"),
        Mistake(
            "limits:\n  max_frame_bytes: 1TiB\n",
            line: 2,
            "limits.max_frame_bytes",
            "too large; allowed: a size from 16KiB"
        ),
        Mistake("limits:\n  max_frame_bytes: 1e6\n", line: 2, "limits.max_frame_bytes", "has the unit \"e6\""),
        Mistake(
            "limits:\n  max_connections: 0\n",
            line: 2,
            "limits.max_connections",
            "too small; allowed: a whole number from 1"
        ),
        Mistake("limits:\n  max_connections: 10.5\n", line: 2, "limits.max_connections", "whole number"),
        Mistake("limits:\n  max_connections: ten\n", line: 2, "limits.max_connections", "is not a number"),
        Mistake("limits:\n  max_connections: 99999999999999999999\n", line: 2, "limits.max_connections", "too large"),
        Mistake(
            "exec:\n  isolation: bubblewrap\n",
            line: 2,
            "exec.isolation",
            "allowed: one of auto, none, software, landlock, bwrap"
        ),
        Mistake("exec:\n  isolation: landlok\n", line: 2, "exec.isolation", "did you mean \"landlock\"?"),
        Mistake(
            "limits:\n  exempt_addresses: [10.0.0.0/33]\n",
            line: 2,
            "limits.exempt_addresses[0]",
            "is no range of addresses"
        ),
        Mistake(
            "limits:\n  auth_failure_delay: 2s\n  max_auth_failure_delay: 1s\n",
            line: 2,
            "limits.auth_failure_delay",
            "is more than limits.max_auth_failure_delay (1s)"
        ),
        Mistake("log: {level: loud}\n", line: 1, "log.level", "allowed: one of trace"),
        Mistake("identities: {first: 5000000000}\n", line: 1, "identities.first", "too large"),
        Mistake("identities: {first: 0}\n", line: 1, "identities.first", "too small"),
    ]

    private static let orgs = [
        Mistake("orgs:\n  - env: {A: b}\n", line: 2, "orgs[0]", "the key \"name\" is missing"),
        Mistake("orgs:\n  - name: ../etc\n", line: 2, "orgs[0].name", "is no org name"),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - name: t\n        hash: \(hash)\n",
            line: 4,
            "orgs[0].tokens[0]",
            "the key \"id\" is missing"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - id: \(id)\n",
            line: 4,
            "orgs[0].tokens[0]",
            "the key \"hash\" is missing"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - id: ABC\n        hash: \(hash)\n",
            line: 4,
            "orgs[0].tokens[0].id",
            "16 of 0-9 a-f"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - id: \(id)\n        hash: xyz\n",
            line: 5,
            "orgs[0].tokens[0].hash",
            "the value is no hash"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - id: \(id)\n        hash: \(secret)\n",
            line: 5,
            "orgs[0].tokens[0].hash",
            "is a token, not its hash"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - {id: \(id), hash: \(hash), keys: []}\n",
            line: 4,
            "orgs[0].tokens[0].keys",
            "an empty list: leave the key out"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - {id: \(id), hash: \(hash), keys: [\"a*b\"]}\n",
            line: 4,
            "orgs[0].tokens[0].keys[0]",
            "no pattern"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens:\n      - {id: \(id), hash: \(hash), read_only: yes}\n",
            line: 4,
            "orgs[0].tokens[0].read_only",
            "allowed: true or false"
        ),
        Mistake("orgs:\n  - name: a\n    env: [A]\n", line: 3, "orgs[0].env", "a list where a mapping of variables"),
        Mistake("orgs:\n  - name: a\n    env: {A: [b]}\n", line: 3, "orgs[0].env.A", "a list where a text must be"),
        Mistake("orgs:\n  - name: a\n    env:\n      A:\n", line: 4, "orgs[0].env.A", "nothing where a text must be"),
        Mistake("orgs:\n  - name: a\n    env: {\"A=B\": c}\n", line: 3, "orgs[0].env.A=B", "'='"),
        Mistake(
            "orgs:\n  - name: a\n    limits: {max_conections: 1}\n",
            line: 3,
            "orgs[0].limits",
            "did you mean \"max_connections\"?"
        ),
    ]

    private static let contradictions = [
        Mistake("listen: []\n", line: 1, "listen", "nothing to listen on"),
        Mistake("listen: [\"a:1\", \"b:1\", \"a:1\"]\n", line: 1, "listen[2]", "named twice"),
        Mistake("tls:\n  plain_listen: [\"127.0.0.1:7420\"]\n", line: 2, "tls.plain_listen[0]", "named twice"),
        Mistake("tls: {cert: /c}\n", line: 1, "tls.cert", "without tls.key"),
        Mistake("tls: {key: /k}\n", line: 1, "tls.key", "without tls.cert"),
        Mistake("tls: {client_ca: /a}\n", line: 1, "tls.client_ca", "add them"),
        Mistake("tls: {unix_socket: true}\n", line: 1, "tls.unix_socket", "needs tls.cert"),
        Mistake(
            "files:\n  max_page_bytes: 768KiB\n  max_grep_line_bytes: 16KiB\n",
            line: 2,
            "files.max_page_bytes",
            "leaves no room in an answer for a line of files.max_grep_line_bytes (16KiB)"
        ),
        Mistake(
            "limits:\n  max_frame_bytes: 1MiB\n  max_head_bytes: 2MiB\n",
            line: 3,
            "limits.max_head_bytes",
            "more than limits.max_frame_bytes (1MiB)"
        ),
        Mistake("node: a\nexec:\n  max_timeout: 1m\n", line: 3, "exec.default_timeout", "exec.max_timeout (1m)"),
        Mistake(
            "limits:\n  stream_window_bytes: 64MiB\n",
            line: 2,
            "limits.stream_window_bytes",
            "connection_window_bytes (16MiB)"
        ),
        Mistake(
            "exec:\n  max_timeout: 1m\n  default_timeout: 2m\n",
            line: 3,
            "exec.default_timeout",
            "exec.max_timeout (1m)"
        ),
        Mistake(
            "exec:\n  default_timeout: 1m\n  max_timeout: 1m\n  default_background_timeout: 2m\n",
            line: 4,
            "exec.default_background_timeout",
            "exec.max_timeout (1m)"
        ),
        Mistake("identities: {first: 65000, count: 1000}\n", line: 1, "identities", "reach over 65534"),
        Mistake(
            "identities: {first: 4000000000, count: 10000000}\norgs: []\nnode: a b\n",
            line: 3,
            "node",
            "no node name"
        ),
        Mistake(
            "orgs:\n  - name: a\n  - name: b\n  - name: a\n",
            line: 4,
            "orgs[2].name",
            "defined in orgs[0] already"
        ),
        Mistake(
            "orgs:\n  - name: a\n    tokens: [{id: \(id), hash: \(hash)}]\n  - name: b\n    tokens:\n      - {id: \(id), hash: \(hash)}\n",
            line: 6,
            "orgs[1].tokens[0].id",
            "that of orgs[0].tokens[0].id already"
        ),
    ]

    private static let syntax = [
        Mistake("node: [a\nlimits: {}\n", line: 2, "", "is not YAML"),
        Mistake("node: a\n\tlimits: b\n", line: 2, "", "is not YAML"),
        Mistake("a: b: c\n", line: 1, "", "is not YAML"),
        Mistake("node: *nowhere\n", line: 1, "", "undefined alias"),
        Mistake("node: a\n--- \nnode: b\n", line: 2, "", "another document"),
        Mistake(
            "node: a\nlimits: {}\nlog: {}\nlimits: {}\n",
            line: 2,
            "",
            "given more than once in one mapping: \"limits\""
        ),
        Mistake(
            "orgs:\n  - name: a\n    env:\n      A: b\n      A: c\n",
            line: 4,
            "",
            "given more than once in one mapping: \"A\""
        ),
        Mistake("node: a\nlog: \u{1}\n", line: 2, "", "is not YAML"),
    ]

    @Test(arguments: structure + values + orgs + contradictions + syntax)
    func saysWhatIsWrongAndWhere(mistake: Mistake) throws {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let problems = configuration.apply(yaml: Array(mistake.text.utf8), named: "broker.yaml")
        let problem = try #require(problems.first)
        #expect(problems.count == 1, "\(problems)")
        #expect(problem.position?.line == mistake.line)
        #expect(problem.path == mistake.path)
        #expect(problem.message.contains(mistake.part), "\(problem)")
        #expect(problem.file == "broker.yaml")
    }

    @Test func saysTheColumn() {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let problems = configuration.apply(yaml: Array("limits: {hello_deadline: 5}".utf8), named: "b.yaml")
        #expect(problems.first?.description.hasPrefix("b.yaml:1:26: limits.hello_deadline: \"5\" has no unit") == true)
    }

    @Test func reportsEverythingAtOnceInTheOrderOfTheFile() {
        let text = """
            orgs:
              - name: a
              - name: a
                limits: {max_entries: many}
            nod: x
            limits:
              hello_deadline: 5
              drain_timeout: soon
            """
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let problems = configuration.apply(yaml: Array(text.utf8), named: "b.yaml")
        #expect(problems.compactMap(\.position?.line) == [3, 4, 5, 7, 8])
    }

    @Test func neverRepeatsASecret() {
        let text = """
            orgs:
              - name: a
                tokens:
                  - {id: "\(Self.id)", hash: \(Self.secret)}
                env: {PASSWORD: [hunter2], OTHER: {hunter2: 1}}
            """
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let report = configuration.apply(yaml: Array(text.utf8), named: "b.yaml").map(\.description).joined()
        #expect(report.contains("PASSWORD"))
        #expect(!report.contains(Self.hash))
        #expect(!report.contains("hunter2"))
    }

    @Test func showsLongAndControlCharactersHarmlessly() throws {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let text = "\"\\e[31m\(String(repeating: "x", count: 5000))\": 1\n"
        let problem = try #require(configuration.apply(yaml: Array(text.utf8), named: "b.yaml").first)
        #expect(problem.message.utf8.count < 500)
        #expect(!problem.message.utf8.contains(0x1b))
    }

    @Test func refusesWhatIsNotUTF8() throws {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let bytes = Array("node: a\nlog: {}\nroot: /".utf8) + [0xff, 0x0a]
        let problem = try #require(configuration.apply(yaml: bytes, named: "b.yaml").first)
        #expect(problem.position?.line == 3)
        #expect(problem.message.contains("not UTF-8"))
    }

    @Test func limitsTheReport() {
        var configuration = BrokerConfiguration(root: "/r", node: "n")
        let text = (0..<1000).map { "key\($0): 1\n" }.joined()
        #expect(configuration.apply(yaml: Array(text.utf8), named: "b.yaml").count == 100)
    }

    /// Whatever is done to a file, it is read or refused.
    @Test func survivesMutations() {
        let seed = (Self.structure + Self.values + Self.orgs + Self.contradictions).map(\.text)
        let alphabet = Array("{}[]:,-&*!|>'\"%@`#?~ \n\t0aé\\".utf8) + [0, 0x80, 0xff]
        var generator = SplitMix(state: 7)
        var refused = 0
        for _ in 0..<2000 {
            var bytes = Array(seed.randomElement(using: &generator)?.utf8 ?? "".utf8)
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let place = Int.random(in: 0...bytes.count, using: &generator)
                if Bool.random(using: &generator), place < bytes.count {
                    bytes.remove(at: place)
                } else if let byte = alphabet.randomElement(using: &generator) {
                    bytes.insert(byte, at: place)
                }
            }
            var configuration = BrokerConfiguration(root: "/r", node: "n")
            if !configuration.apply(yaml: bytes, named: "b.yaml").isEmpty { refused += 1 }
        }
        #expect(refused > 1000)
    }
}

/// The same numbers on every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }
}
