extension Workload {
    /// An answer without an error came: throws ``LoadFailure/wrongAnswer(_:)`` unless it says what it has to.
    mutating func answered(_ call: Call, _ outcome: CallOutcome, in bytes: Span<UInt8>) throws(LoadFailure) {
        switch call.kind {
        case .echo:
            guard outcome.payload == echoPayload(call) else { throw wrong(call, outcome.payload) }
        case .read:
            guard let version = contents(call).version(of: outcome.payload) else { throw wrong(call, outcome.payload) }
            try saw(version, file: call.file, of: call, from: call.lowest)
        case .write, .edit:
            let size = try FileAnswer(reply: outcome.reply, in: bytes).size
            let expected = contents(call).size(call.version)
            guard size == expected else {
                throw .wrongAnswer("\(name(call)) left \(size) bytes, and should have left \(expected)")
            }
            wrote(call)
        case .stat:
            let size = try FileAnswer(reply: outcome.reply, in: bytes).size
            let contents = contents(call)
            let highest = max(versions(call).highest, call.lowest)
            // Of the last few: sizes repeat, and a file that is written faster than it is looked at shows any of them.
            guard (call.lowest...highest).contains(where: { contents.size($0) == size }) else {
                throw .wrongAnswer("\(name(call)): \(size) bytes, which no version \(call.lowest) to \(highest) has")
            }
        case .list:
            let names = try NamesAnswer(reply: outcome.reply, in: bytes).names
            let expected = filesOfKey().map { String(path($0).dropFirst(Self.directory.count + 1)) }.sorted()
            guard names == expected else { throw .wrongAnswer("\(name(call)): \(names), and should be \(expected)") }
        case .grep:
            try checkGrep(call, try GrepAnswer(reply: outcome.reply, in: bytes))
        case .run, .sleep:
            guard try CommandEnd.isZero(outcome.reply, in: bytes), outcome.payload == Array("\(runOutput(call))\n".utf8)
            else { throw wrong(call, outcome.payload) }
        case .test:
            guard try CommandEnd.isZero(outcome.reply, in: bytes) else { throw wrong(call, outcome.payload) }
            try checkTest(call, outcome.payload)
        case .missing:
            throw .wrongAnswer("\(name(call)): \(outcome.payload.count) bytes of a file that there is not")
        }
    }

    /// Each file of the key once, with a version that it may have.
    private mutating func checkGrep(_ call: Call, _ answer: GrepAnswer) throws(LoadFailure) {
        let expected = filesOfKey().map { (path: path($0), file: $0) }.sorted { $0.path < $1.path }
        guard answer.matches.map(\.path) == expected.map(\.path) else {
            throw .wrongAnswer(
                "\(name(call)) found \(answer.matches.map(\.path)), and should find \(expected.map(\.path))"
            )
        }
        for (match, expected) in zip(answer.matches, expected) {
            guard let version = contents(call, file: expected.file).version(ofHead: match.line) else {
                throw wrong(call, match.line)
            }
            // It was not said at the call's begin what the other files were then.
            let lowest = expected.file == call.file ? call.lowest : 0
            try saw(version, file: expected.file, of: call, from: lowest)
        }
    }

    /// The first line of the file, and its length.
    private mutating func checkTest(_ call: Call, _ output: [UInt8]) throws(LoadFailure) {
        let lines = output.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        guard lines.count == 3, lines[2].isEmpty, let version = contents(call).version(ofHead: lines[0]),
            let size = Int(String(decoding: lines[1], as: UTF8.self))
        else { throw wrong(call, output) }
        try saw(version, file: call.file, of: call, from: call.lowest)
        // It opens the file twice: the second time a later version may be there.
        let contents = contents(call)
        guard (version...max(versions(call).highest, version)).contains(where: { contents.size($0) == size }) else {
            throw .wrongAnswer("\(name(call)): \(size) bytes, which is not the size of version \(version)")
        }
    }

    func name(_ call: Call) -> String { "\(call.kind.rawValue) of \(contents(call).subject)" }

    /// Bytes that are not right: tells whose they are, where they tell so themselves.
    private func wrong(_ call: Call, _ bytes: [UInt8]) -> LoadFailure {
        let line = String(decoding: bytes.prefix { $0 != 0x0a }.prefix(200), as: UTF8.self)
        let org = "org-\(call.org)/"
        let isForeign = line.contains("/org-") && !line.contains(org)
        return .wrongAnswer(
            isForeign
                ? "ANOTHER ORG'S BYTES: \(name(call)) got \(bytes.count) bytes that begin with: \(line)"
                : "\(name(call)) got \(bytes.count) bytes that are none of its versions; they begin with: \(line)"
        )
    }
}

/// The info in the answer of a call on a file.
private struct FileAnswer {
    private(set) var size = -1

    init(reply: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var outer = ProtobufFields(reply)
        while let field = try outer.next(in: bytes) {
            // A file without bytes has no field for them.
            if field.number == 1 { size = Int(clamping: try ProtobufFields.value(of: 2, in: field.range, of: bytes)) }
        }
    }
}

/// Names in a `ReaddirReply`.
private struct NamesAnswer {
    private(set) var names: [String] = []

    init(reply: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var outer = ProtobufFields(reply)
        while let field = try outer.next(in: bytes) {
            guard field.number == 1 else { continue }
            var inner = ProtobufFields(field.range)
            while let name = try inner.next(in: bytes) {
                if name.number == 1 { names.append(String(decoding: bytes.array(name.range), as: UTF8.self)) }
            }
        }
    }
}

/// Matches in a `GrepReply`, in its order.
private struct GrepAnswer {
    private(set) var matches: [(path: String, line: [UInt8])] = []

    init(reply: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) {
        var outer = ProtobufFields(reply)
        while let field = try outer.next(in: bytes) {
            guard field.number == 1 else { continue }
            var path = ""
            var file = ProtobufFields(field.range)
            while let part = try file.next(in: bytes) {
                if part.number == 1 { path = String(decoding: bytes.array(part.range), as: UTF8.self) }
                guard part.number == 2 else { continue }
                var match = ProtobufFields(part.range)
                while let text = try match.next(in: bytes) {
                    if text.number == 2 { matches.append((path, bytes.array(text.range))) }
                }
            }
        }
    }
}

/// Whether a command ended with code 0.
private enum CommandEnd {
    static func isZero(_ reply: Range<Int>, in bytes: Span<UInt8>) throws(LoadFailure) -> Bool {
        var fields = ProtobufFields(reply)
        while let field = try fields.next(in: bytes) {
            if field.number == 1 { return try ProtobufFields.value(of: 1, in: field.range, of: bytes) == 0 }
        }
        return false
    }
}

extension Span<UInt8> {
    /// A copy of a part.
    func array(_ range: Range<Int>) -> [UInt8] {
        withUnsafeBytes { Array(UnsafeRawBufferPointer(rebasing: $0[range])) }
    }
}
