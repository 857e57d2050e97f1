import Foundation

/// A real repository: this project's own history, or where it was built from something else than a checkout, its
/// sources as one commit.
struct SourceRepository: Sendable {
    /// The branch that the bundle holds.
    static let branch = "main"
    /// So that the same commit has the same name wherever it is made.
    static let environment = [
        "GIT_AUTHOR_NAME": "Agent", "GIT_AUTHOR_EMAIL": "agent@example.org", "GIT_AUTHOR_DATE": "2026-01-02T03:04:05Z",
        "GIT_COMMITTER_NAME": "Agent", "GIT_COMMITTER_EMAIL": "agent@example.org",
        "GIT_COMMITTER_DATE": "2026-01-02T03:04:05Z", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C",
    ]

    /// Of `git bundle create`, with all of the history.
    let bundle: Data
    /// Its tracked files, sorted.
    let files: [String]
    private let directory: String

    /// Makes the bundle beneath `directory`.
    init(in directory: String) async throws {
        self.directory = directory
        let copy = "\(directory)/repository"
        let root = BuiltProducts.packageRoot
        if FileManager.default.fileExists(atPath: "\(root)/.git") {
            try await Self.shell("git clone -q --no-local '\(root)' '\(copy)' && git -C '\(copy)' checkout -q -B main")
        } else {
            try await Self.shell(
                """
                mkdir '\(copy)' && tar -C '\(root)' --exclude=./.build -cf - . | tar -C '\(copy)' -xf - &&
                cd '\(copy)' && git init -q -b main . && git add -A && git commit -q -m import
                """
            )
        }
        try await Self.shell("git bundle create -q ../bundle main", in: copy)
        bundle = try Data(contentsOf: URL(fileURLWithPath: "\(directory)/bundle"))
        files = try await Self.shell("git ls-files", in: copy).split(separator: "\n").map(String.init).sorted()
    }

    /// Runs `body` in a new clone on this host and returns the clone's files and the commit that it is at.
    func clone(_ name: String, _ body: (String) async throws -> Void) async throws -> WorkingTree {
        let clone = "\(directory)/\(name)"
        try await Self.shell("git clone -q -b main bundle '\(clone)'", in: directory)
        try await body(clone)
        return try await WorkingTree(of: clone)
    }

    /// As an agent's command has it: nothing of who runs the tests.
    @discardableResult
    static func shell(_ line: String, in directory: String? = nil) async throws -> String {
        let base = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/nonexistent"]
        return try await ChildProcess.shell(line, in: directory, environment: base.merging(environment) { $1 })
    }
}

/// What a clone is to hold.
struct WorkingTree: Sendable {
    struct File: Sendable, Equatable {
        var contents: [UInt8]
        var isExecutable: Bool
    }

    /// By path, but for git's own.
    let files: [String: File]
    let commit: String

    init(of directory: String) async throws {
        commit = try await SourceRepository.shell("git rev-parse HEAD", in: directory)
        var files: [String: File] = [:]
        let listing = try await SourceRepository.shell("find . -path ./.git -prune -o -type f -print", in: directory)
        for line in listing.split(separator: "\n") {
            let path = String(line.dropFirst(2))
            files[path] = File(
                contents: Array(try Data(contentsOf: URL(fileURLWithPath: "\(directory)/\(path)"))),
                isExecutable: FileManager.default.isExecutableFile(atPath: "\(directory)/\(path)")
            )
        }
        self.files = files
    }
}
