import AgentBackend
import CLinux
import Foundation
import Glibc
import NIOCore
import Testing

@testable import LocalBackend

let isRoot = geteuid() == 0

/// Whose permissions hold: the test's own and, for tests that run as root, those of a user without any rights.
let identities: [HostIdentity?] = isRoot ? [nil, HostIdentity(uid: 200_001, gid: 200_001)] : [nil]

/// A local backend on real files, and beside its root what it must never reach: as open to its user as the root is, so
/// that nothing but confinement keeps it apart.
struct LocalFixture: Sendable {
    /// Beneath directories that others may enter but not list.
    let base: String
    let identity: HostIdentity?
    let threads: FileThreads
    let backend: LocalFilesystemBackend

    var root: String { base + "/root" }
    var temporary: String { base + "/temporary" }
    var outside: String { base + "/outside" }
    static let secret = "secret"

    /// Runs `body`, then checks what holds after everything: nothing outside has changed, no temporary file is left,
    /// and no descriptor.
    ///
    /// - Parameter disk: Puts all of it on a file system of its own with so many bytes. Needs ``canMount``.
    static func with(
        _ identity: HostIdentity? = nil,
        limits: LocalFilesystemLimits = LocalFilesystemLimits(),
        threadCount: Int = 4,
        directories: OpenDirectoryCache = OpenDirectoryCache(),
        disk: Int? = nil,
        commands: (any CommandStarter)? = nil,
        usage: WorkspaceUsage? = nil,
        _ body: (LocalFixture) async throws -> Void
    ) async throws {
        let base = try makeBase()
        defer { try? FileManager.default.removeItem(atPath: base) }
        if let disk { try #require(mount("tmpfs", base, "tmpfs", 0, "size=\(disk),mode=0711") == 0) }
        defer { if disk != nil { umount2(base, Int32(MNT_DETACH)) } }
        let threads = FileThreads(count: threadCount)
        let fixture = LocalFixture(
            base: base,
            identity: identity,
            threads: threads,
            backend: LocalFilesystemBackend(
                rootDirectory: base + "/root",
                usage: usage,
                settings: .init(
                    temporary: TemporaryFileDirectory(path: base + "/temporary", in: directories),
                    ownsTemporaryDirectory: true,
                    identity: identity,
                    limits: limits,
                    threads: threads,
                    directories: directories,
                    commands: commands
                )
            )
        )
        for directory in [fixture.root, fixture.temporary, fixture.outside] {
            try fixture.makeDirectory(absolute: directory)
        }
        try fixture.makeFile(absolute: fixture.outside + "/secret", secret)
        do {
            try await body(fixture)
        } catch {
            await threads.shutdown()
            throw error
        }
        #expect(try fixture.names(absolute: fixture.outside) == ["secret"])
        #expect(try fixture.contents(absolute: fixture.outside + "/secret") == secret)
        #expect(try fixture.names(absolute: fixture.temporary) == [])
        await fixture.backend.destroy()
        await threads.shutdown()
        #expect(fixture.openDescriptors == [])
    }

    /// Whether this process may mount file systems.
    static let canMount: Bool = {
        guard isRoot, let base = try? makeBase() else { return false }
        defer { rmdir(base) }
        guard mount("tmpfs", base, "tmpfs", 0, "size=64k") == 0 else { return false }
        return umount2(base, Int32(MNT_DETACH)) == 0
    }()

    private static func makeBase() throws -> String {
        var template = Array("/var/tmp/local-backend-tests-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let base = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try #require(chmod(base, 0o711) == 0)
        return base
    }
}

/// The files behind the backend's back.
extension LocalFixture {
    func path(_ name: String) -> String { root + "/" + name }

    func makeFile(_ name: String, _ contents: String = "", mode: mode_t = 0o644) throws {
        try makeFile(absolute: path(name), contents, mode: mode)
    }

    func makeFile(absolute path: String, _ contents: String, mode: mode_t = 0o644) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        try #require(write(descriptor, contents, contents.utf8.count) == contents.utf8.count)
        try own(path)
        try #require(chmod(path, mode) == 0)
    }

    func makeDirectory(_ name: String, mode: mode_t = 0o755) throws {
        try makeDirectory(absolute: path(name), mode: mode)
    }

    func makeDirectory(absolute path: String, mode: mode_t = 0o700) throws {
        try #require(mkdir(path, 0o700) == 0)
        try own(path)
        try #require(chmod(path, mode) == 0)
    }

    func makeLink(_ name: String, to target: String) throws {
        try #require(symlink(target, path(name)) == 0)
        try own(path(name))
    }

    /// What a link leads to.
    func target(_ name: String) throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: path(name))
    }

    /// Directories in one another, deeper than a path is long: each named "deeper", and "side" with a file beside each
    /// tenth.
    func makeDeepTree(_ name: String, depth: Int) throws {
        var directory = open(path(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        try #require(directory >= 0)
        for level in 0..<depth {
            for child in ["deeper", "side"] where child == "deeper" || level.isMultiple(of: 10) {
                try #require(mkdirat(directory, child, 0o750) == 0)
                if let identity { try #require(fchownat(directory, child, identity.uid, identity.gid, 0) == 0) }
            }
            if level.isMultiple(of: 10) {
                let file = openat(directory, "side/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
                try #require(write(file, "x", 1) == 1)
                close(file)
            }
            let next = openat(directory, "deeper", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            close(directory)
            try #require(next >= 0)
            directory = next
        }
        close(directory)
    }

    /// A FIFO, a socket and, as root, a device, for all to read and write, by their kinds' names.
    func makeSpecialFiles(in directory: String = "") throws -> [String] {
        let prefix = directory.isEmpty ? "" : directory + "/"
        try #require(mkfifo(path(prefix + "fifo"), 0o666) == 0)
        try #require(mknod(path(prefix + "socket"), S_IFSOCK | 0o666, 0) == 0)
        var names = ["fifo", "socket"]
        if isRoot {
            // /dev/null
            try #require(mknod(path(prefix + "device"), S_IFCHR | 0o666, dev_t(1 << 8 | 3)) == 0)
            names.append("device")
        }
        for name in names {
            if name != "device" { try own(path(prefix + name)) }
            try #require(chmod(path(prefix + name), 0o666) == 0)
        }
        return names.map { prefix + $0 }
    }

    func changeMode(_ name: String, to mode: mode_t) throws {
        try #require(chmod(path(name), mode) == 0)
    }

    func contents(_ name: String) throws -> String { try contents(absolute: path(name)) }

    func contents(absolute path: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: path)), as: UTF8.self)
    }

    func names(absolute path: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).sorted()
    }

    func names(_ name: String) throws -> [String] { try names(absolute: path(name)) }

    /// Nil where there is nothing. A link is looked at, not followed.
    func status(_ name: String) -> stat? {
        var status = stat()
        return lstat(path(name), &status) == 0 ? status : nil
    }

    func mode(_ name: String) -> mode_t? { status(name).map { $0.st_mode & 0o7777 } }

    /// What descriptors of this process lead beneath the fixture's directory.
    var openDescriptors: [String] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        return numbers.compactMap { number in
            try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + number)
        }
        .filter { $0.hasPrefix(base + "/") }
        .map { String($0.dropFirst(base.count + 1)) }
        .sorted()
    }

    /// The operations themselves, run by the test's own thread.
    func files(_ cancellation: FileCancellation = FileCancellation()) throws -> LocalFiles {
        let directory = open(root, Int32(linux_o_path) | O_DIRECTORY | O_CLOEXEC)
        try #require(directory >= 0)
        return LocalFiles(
            access: DirectoryAccess(root: FileDescriptorHandle(owning: directory)),
            temporary: TemporaryFileDirectory(path: temporary, in: OpenDirectoryCache()),
            limits: LocalFilesystemLimits(),
            user: geteuid(),
            cancellation: cancellation
        )
    }

    private func own(_ path: String) throws {
        guard let identity else { return }
        try #require(lchown(path, identity.uid, identity.gid) == 0)
    }
}

/// The backend by text.
extension Backend {
    func contents(_ path: String, range: ReadRange = .all) async throws -> String {
        String(buffer: try await read(try WorkspacePath(path), range: range))
    }

    @discardableResult
    func put(_ path: String, _ contents: String, options: WriteOptions = WriteOptions()) async throws -> FileInfo {
        try await write(try WorkspacePath(path), ByteBuffer(string: contents), options: options)
    }

    func names(_ path: String, options: ReaddirOptions = ReaddirOptions()) async throws -> [String] {
        try await readdir(try WorkspacePath(path), options: options).entries
            .map { String(decoding: $0.name, as: UTF8.self) }
    }

    func info(_ path: String, followLink: Bool = true) async throws -> FileInfo {
        try await stat(try WorkspacePath(path), followLink: followLink)
    }

    func makeDirectory(_ path: String, _ options: MkdirOptions = MkdirOptions()) async throws {
        try await mkdir(try WorkspacePath(path), options: options)
    }

    @discardableResult
    func touchFile(_ path: String) async throws -> FileInfo {
        try await touch(try WorkspacePath(path))
    }

    func move(_ path: String, to destination: String, _ options: RenameOptions = RenameOptions()) async throws {
        try await rename(try WorkspacePath(path), to: try WorkspacePath(destination), options: options)
    }

    @discardableResult
    func duplicate(
        _ path: String,
        to destination: String,
        _ options: CopyOptions = CopyOptions()
    ) async throws -> CopyResult {
        try await copy(try WorkspacePath(path), to: try WorkspacePath(destination), options: options)
    }

    func remove(_ path: String, recursive: Bool = false, force: Bool = false) async throws {
        try await rm(try WorkspacePath(path), options: RemoveOptions(recursive: recursive, force: force))
    }
}

/// The error that `body` throws, which must be a backend's.
func failure<Value>(
    of body: @autoclosure () async throws -> Value,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws -> BackendError {
    let error = await #expect(throws: BackendError.self, sourceLocation: sourceLocation) { _ = try await body() }
    return try #require(error, sourceLocation: sourceLocation)
}

/// Code and reason of an error, to compare both at once.
struct Refusal: Equatable, CustomStringConvertible {
    var code: BackendError.Code
    var reason: BackendError.Reason?

    init(_ code: BackendError.Code, _ reason: BackendError.Reason? = nil) {
        self.code = code
        self.reason = reason
    }

    init(_ error: BackendError) {
        self.init(error.code, error.reason)
    }

    var description: String { reason.map { "\(code) (\($0))" } ?? "\(code)" }
}

func refusal<Value>(
    of body: @autoclosure () async throws -> Value,
    sourceLocation: SourceLocation = #_sourceLocation
) async throws -> Refusal {
    Refusal(try await failure(of: try await body(), sourceLocation: sourceLocation))
}
