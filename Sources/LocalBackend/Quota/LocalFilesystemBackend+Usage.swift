package import AgentBackend
internal import Glibc

extension LocalFilesystemBackend {
    /// As ``perform(_:_:isShort:_:)``, for what changes files. Where they count, and what is there is not known well enough,
    /// they are counted first.
    ///
    /// - Parameter grows: It may take room. What does not is held up by no limit.
    func change<Value: Sendable>(
        _ path: WorkspacePath,
        isShort: Bool = false,
        grows: Bool = true,
        _ body: @escaping @Sendable (LocalFiles) throws(DirectoryAccess.Failure) -> Value
    ) async throws(BackendError) -> Value {
        guard let usage else {
            return try await perform(.writeFailed, path, isShort: isShort, body)
        }
        let value = try await perform(.writeFailed, path, isShort: isShort) {
            files throws(DirectoryAccess.Failure) -> Value? in
            guard !usage.isExact else { return try body(files) }
            guard grows ? usage.isGoodEnough(on: files.access.root) : usage.isCounted else { return nil }
            do throws(DirectoryAccess.Failure) {
                return try body(files)
            } catch .overQuota {
                return nil
            }
        }
        if let value { return value }
        try await countUsage()
        return try await perform(.writeFailed, path, isShort: isShort, body)
    }

    /// What is in the whole workspace: from the account of it, which is brought up to date where it has to be.
    func countedUsage(_ usage: WorkspaceUsage) async throws(BackendError) -> DiskUsage {
        if let known = usage.exactUsage { return known }
        try await countUsage()
        return usage.usage
    }

    /// Counts all that is in the workspace, in turns with what others do, for all who ask at the same time. As the broker
    /// itself: what a command made unreadable takes room all the same.
    package func countUsage() async throws(BackendError) {
        guard let usage else { return }
        try await usage.counts.run { () async throws(BackendError) in
            // Somebody else may have had it counted, or an operation that had begun before have disturbed the count: those
            // that come later wait for it, unless there is room enough.
            for _ in 0..<Self.maximumCounts where !usage.isExact {
                running.forgetEnded()
                try await countOnce(usage)
                if usage.hasCommands { break }
            }
        }
    }

    /// Whether commands cannot have changed what matters since it was counted.
    func isKnownWellEnough() async -> Bool {
        guard let usage else { return true }
        let root = root.outermost
        let answer = try? await settings.threads.run(as: nil) { _ -> Result<Bool, BackendError> in
            guard let directory = try? root.descriptor() else { return .success(true) }
            return .success(usage.isGoodEnough(on: directory))
        }
        return answer ?? true
    }

    private func countOnce(_ usage: WorkspaceUsage) async throws(BackendError) {
        do throws(BackendError) {
            var (walk, counted) = try await turn(nil, usage)
            while counted == nil { (walk, counted) = try await turn(walk, usage) }
            if let counted { usage.endCount(counted) }
        } catch {
            usage.abandonCount()
            throw error
        }
    }

    private static let maximumCounts = 3

    private func turn(
        _ walk: UsageWalk?,
        _ usage: WorkspaceUsage
    ) async throws(BackendError) -> (UsageWalk, DiskUsage?) {
        let (root, settings) = (root.outermost, settings)
        return try await settings.threads.run(as: nil) { cancellation in
            do throws(DirectoryAccess.Failure) {
                let directory = try root.descriptor()
                let files = settings.files(beneath: directory, usage, of: geteuid(), cancellation)
                if walk == nil { usage.beginCount(on: directory) }
                var next: UsageWalk
                if let walk { next = walk } else { next = try UsageWalk(ofAll: files) }
                var turn = FileTurn()
                let counted = try next.advance(files, &turn)
                return .success((next, counted))
            } catch {
                return .failure(error.error(.lsFailed, .root))
            }
        }
    }
}
