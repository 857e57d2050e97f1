internal import AgentBackend
internal import BrokerWire
internal import NIOCore

extension UnaryCall<FileInfo> {
    static func write(_ path: WorkspacePath, _ bytes: ByteBuffer, options: WriteOptions) -> Self {
        Self(operation: .write(Write(path: path.bytes, options: options)), payload: bytes, value: Self.written)
    }

    static let written: @Sendable (Reply) -> FileInfo? = { if case .write(let info) = $0 { info } else { nil } }

    static func stat(_ path: WorkspacePath, followLink: Bool) -> Self {
        Self(operation: .stat(Stat(path: path.bytes, followLink: followLink))) {
            if case .stat(let info) = $0 { info } else { nil }
        }
    }

    static func chmod(_ path: WorkspacePath, permissions: UInt32) -> Self {
        Self(operation: .chmod(Chmod(path: path.bytes, permissions: permissions))) {
            if case .chmod(let info) = $0 { info } else { nil }
        }
    }

    static func touch(_ path: WorkspacePath) -> Self {
        Self(operation: .touch(Touch(path: path.bytes))) { if case .touch(let info) = $0 { info } else { nil } }
    }
}

extension UnaryCall<ExtractResult> {
    static let extracted: @Sendable (Reply) -> ExtractResult? = {
        if case .extract(let result) = $0 { result } else { nil }
    }
}

extension UnaryCall<DirectoryPage> {
    static func readdir(_ path: WorkspacePath, options: ReaddirOptions) -> Self {
        Self(operation: .readdir(Readdir(path: path.bytes, options: options))) {
            if case .readdir(let page) = $0 { page } else { nil }
        }
    }
}

extension UnaryCall<Bool> {
    static func exists(_ path: WorkspacePath) -> Self {
        Self(operation: .exists(Exists(path: path.bytes))) {
            if case .exists(let isThere) = $0 { isThere } else { nil }
        }
    }
}

extension UnaryCall<Void> {
    static func mkdir(_ path: WorkspacePath, options: MkdirOptions) -> Self {
        Self(operation: .mkdir(Mkdir(path: path.bytes, options: options))) {
            if case .mkdir = $0 { () } else { nil }
        }
    }

    static func symlink(_ path: WorkspacePath, to target: LinkTarget) -> Self {
        Self(operation: .symlink(Symlink(path: path.bytes, target: target.bytes))) {
            if case .symlink = $0 { () } else { nil }
        }
    }

    static func rename(_ path: WorkspacePath, to destination: WorkspacePath, options: RenameOptions) -> Self {
        Self(operation: .rename(Rename(path: path.bytes, destination: destination.bytes, options: options))) {
            if case .rename = $0 { () } else { nil }
        }
    }

    static func rm(_ path: WorkspacePath, options: RemoveOptions) -> Self {
        Self(operation: .rm(Rm(path: path.bytes, options: options))) { if case .rm = $0 { () } else { nil } }
    }
}

extension UnaryCall<CopyResult> {
    static func copy(_ path: WorkspacePath, to destination: WorkspacePath, options: CopyOptions) -> Self {
        Self(operation: .copy(Copy(path: path.bytes, destination: destination.bytes, options: options))) {
            if case .copy(let result) = $0 { result } else { nil }
        }
    }
}

extension UnaryCall<EditResult> {
    static func edit(_ path: WorkspacePath, _ edits: [TextEdit], options: EditOptions) -> Self {
        Self(operation: .edit(Edit(path: path.bytes, edits: edits, options: options))) {
            if case .edit(let result) = $0 { result } else { nil }
        }
    }
}

extension UnaryCall<LinePage> {
    static func readLines(_ path: WorkspacePath, window: LineWindow) -> Self {
        Self(operation: .readLines(ReadLines(path: path.bytes, window: window))) {
            if case .readLines(let page) = $0 { page } else { nil }
        }
    }
}

extension UnaryCall<[Result<FileContents, BackendError>]> {
    static func readMany(_ paths: [WorkspacePath], options: ReadManyOptions) -> Self {
        Self(operation: .readMany(ReadMany(paths: paths.map(\.bytes), options: options))) {
            if case .readMany(let reply) = $0, reply.files.count == paths.count { reply.files } else { nil }
        }
    }
}

extension UnaryCall<[Result<FileInfo, BackendError>]> {
    static func statMany(_ paths: [WorkspacePath], followLink: Bool) -> Self {
        Self(operation: .statMany(StatMany(paths: paths.map(\.bytes), followLink: followLink))) {
            if case .statMany(let reply) = $0, reply.files.count == paths.count { reply.files } else { nil }
        }
    }
}
