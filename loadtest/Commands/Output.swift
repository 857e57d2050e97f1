internal import FoundationEssentials
internal import Glibc

extension Double {
    /// With so many digits after the point.
    func text(_ digits: Int) -> String {
        let scale = pow(10, Double(digits))
        let whole = (magnitude * scale).rounded()
        let sign = self < 0 && whole > 0 ? "-" : ""
        guard digits > 0 else { return sign + String(Int(whole)) }
        let fraction = String(Int(whole.truncatingRemainder(dividingBy: scale)))
        let zeros = String(repeating: "0", count: digits - fraction.count)
        return "\(sign)\(Int(whole / scale)).\(zeros)\(fraction)"
    }
}

extension Encodable {
    /// On one line, keys sorted, so that runs can be compared as text.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}

/// File descriptor 2, unbuffered. What does not get through is lost.
struct StandardError: TextOutputStream {
    func write(_ string: String) {
        var string = string
        string.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }
}
