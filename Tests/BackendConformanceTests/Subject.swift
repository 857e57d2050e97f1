import AgentBackend
import Testing

/// A backend to which every behaviour is put: one of the kinds, or a scope of it, or a scope of that.
struct Subject: Sendable, CustomTestStringConvertible {
    enum Kind: String, Sendable, CaseIterable {
        case memory
        case local
        /// A client of a broker that keeps local files.
        case remoteLocal = "remote local"
        /// A client of a broker that keeps memory.
        case remoteMemory = "remote memory"
    }

    enum Depth: String, Sendable, CaseIterable {
        case itself = ""
        case scope = ", in a scope"
        case innerScope = ", in a scope of a scope"
    }

    let kind: Kind
    let depth: Depth

    static let all = Kind.allCases.flatMap { kind in Depth.allCases.map { Subject(kind: kind, depth: $0) } }

    var testDescription: String { kind.rawValue + depth.rawValue }

    var capabilities: Capabilities { Capabilities(kind) }
}

/// Where the kinds differ by design.
struct Capabilities: Sendable {
    /// Keys in memory imply their directories: none is empty, and a key may have others below it.
    let hasDirectories: Bool
    let hasKeys: Bool
    let isRemote: Bool
    /// Of reading and listing what is not there.
    let missingToRead: BackendError.Code
    /// Of renaming, copying or removing it.
    let missingToChange: BackendError.Code
    /// It is to run commands; whether this host can is another matter.
    let hasShell: Bool

    fileprivate init(_ kind: Subject.Kind) {
        let isMemory = kind == .memory || kind == .remoteMemory
        hasDirectories = !isMemory
        hasKeys = isMemory
        isRemote = kind == .remoteLocal || kind == .remoteMemory
        missingToRead = isMemory ? .keyNotFound : .readFailed
        missingToChange = isMemory ? .keyNotFound : .writeFailed
        hasShell = !isMemory
    }
}
