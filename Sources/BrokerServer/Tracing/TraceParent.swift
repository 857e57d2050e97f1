internal import Instrumentation

/// Who the parent of what is done is, as W3C Trace Context writes it: `00-{trace}-{span}-{flags}`.
struct TraceParent: Sendable, Equatable {
    /// 32 of 0-9 a-f.
    let trace: String
    /// 16 of 0-9 a-f.
    let span: String
    /// Whoever began the trace wants its spans.
    let isSampled: Bool

    init(trace: String, span: String, isSampled: Bool) {
        self.trace = trace
        self.span = span
        self.isSampled = isSampled
    }

    /// Nil for what is none, which is to be taken as if nothing had been said.
    init?(_ text: String) {
        let parts = text.utf8.prefix(Self.longest + 1).split(
            separator: UInt8(ascii: "-"),
            omittingEmptySubsequences: false
        )
        guard text.utf8.count <= Self.longest, parts.count >= 4, parts[0].count == 2, parts[3].count == 2,
            let version = Self.hexadecimal(parts[0], count: 2), version != "ff",
            // A later version may say more.
            version != "00" || parts.count == 4,
            let trace = Self.hexadecimal(parts[1], count: 32), trace.contains(where: { $0 != "0" }),
            let span = Self.hexadecimal(parts[2], count: 16), span.contains(where: { $0 != "0" }),
            let flags = Self.hexadecimal(parts[3], count: 2).flatMap({ UInt8($0, radix: 16) })
        else { return nil }
        self.init(trace: trace, span: span, isSampled: flags & 1 == 1)
    }

    var text: String { "00-\(trace)-\(span)-\(isSampled ? "01" : "00")" }

    /// Bytes; far more than any version has.
    private static let longest = 512

    private static func hexadecimal(_ bytes: some Collection<UInt8>, count: Int) -> String? {
        let isHexadecimal = bytes.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
        }
        return bytes.count == count && isHexadecimal ? String(decoding: bytes, as: UTF8.self) : nil
    }
}

extension TraceParent {
    /// How a tracer is told of it, and tells of one.
    struct Carrier: Extractor, Injector {
        func extract(key: String, from carrier: [String: String]) -> String? { carrier[key] }

        func inject(_ value: String, forKey key: String, into carrier: inout [String: String]) {
            carrier[key] = value
        }
    }

    static let key = "traceparent"
}
