import ArgumentParser

/// The arguments of the process as text that keeps every byte.
///
/// Arguments are bytes, and the parser takes text. Bytes that are no UTF-8 become code points of a private use area,
/// one each, and code points of that area become such bytes too, so that every argument comes back as it was.
enum ProcessArguments {
    /// Without the program's name.
    static var all: [String] {
        CommandLine.unsafeArgv.withMemoryRebound(to: UnsafeMutablePointer<CChar>?.self, capacity: 1) { arguments in
            (1..<max(1, Int(CommandLine.argc))).compactMap { index in
                arguments[index].map { argument in
                    text(UnsafeRawBufferPointer(start: argument, count: length(of: argument)))
                }
            }
        }
    }

    private static func length(of argument: UnsafePointer<CChar>) -> Int {
        var end = argument
        while end.pointee != 0 { end += 1 }
        return end - argument
    }

    /// U+10FF00 stands for byte 0, and so on.
    private static let firstStandIn: UInt32 = 0x10_ff00

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        var decoder = Unicode.UTF8.ForwardParser()
        var rest = Array(bytes)[...]
        while !rest.isEmpty {
            var iterator = rest.makeIterator()
            if case .valid(let encoded) = decoder.parseScalar(from: &iterator) {
                let scalar = Unicode.UTF8.decode(encoded)
                let isStandIn = scalar.value >= firstStandIn
                if !isStandIn {
                    text.unicodeScalars.append(scalar)
                    rest.removeFirst(encoded.count)
                    decoder = Unicode.UTF8.ForwardParser()
                    continue
                }
            }
            decoder = Unicode.UTF8.ForwardParser()
            if let standIn = Unicode.Scalar(firstStandIn + UInt32(rest.removeFirst())) {
                text.unicodeScalars.append(standIn)
            }
        }
        return text
    }

    static func bytes(_ text: String) -> [UInt8] {
        text.unicodeScalars.reduce(into: []) { bytes, scalar in
            if scalar.value >= firstStandIn {
                bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            } else {
                bytes += UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter
            }
        }
    }
}

/// An argument whose bytes matter: a path, a word of a command, a variable.
struct ByteArgument: ExpressibleByArgument {
    let bytes: [UInt8]

    init(argument: String) {
        bytes = ProcessArguments.bytes(argument)
    }

    var defaultValueDescription: String { String(decoding: bytes, as: UTF8.self) }
}
