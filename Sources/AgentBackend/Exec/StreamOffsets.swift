/// A place in each output stream of a command: bytes from its beginning.
public struct StreamOffsets: Sendable, Hashable {
    public var standardOutput: UInt64
    public var standardError: UInt64

    public init(standardOutput: UInt64 = 0, standardError: UInt64 = 0) {
        self.standardOutput = standardOutput
        self.standardError = standardError
    }

    public static let beginning = StreamOffsets()

    public subscript(stream: CommandStream) -> UInt64 {
        get {
            switch stream {
            case .standardOutput: standardOutput
            case .standardError: standardError
            }
        }
        set {
            switch stream {
            case .standardOutput: standardOutput = newValue
            case .standardError: standardError = newValue
            }
        }
    }
}
