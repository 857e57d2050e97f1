public import AgentBackend

extension LocalFilesystemBackend {
    public func glob(_ pattern: GlobPattern, options: GlobOptions) async throws(BackendError) -> FilePage {
        try options.after?.checkLies(below: options.path)
        return try await performInTurns(.lsFailed, options.path) { files throws(DirectoryAccess.Failure) in
            try GlobWalk(pattern, options, files)
        }
    }

    public func grep(_ pattern: GrepPattern, options: GrepOptions) async throws(BackendError) -> GrepPage {
        try options.after?.checkLies(below: options.path)
        return try await performInTurns(.lsFailed, options.path) { files throws(DirectoryAccess.Failure) in
            try GrepWalk(pattern, options, files)
        }
    }

    public func tree(_ options: TreeOptions) async throws(BackendError) -> FilePage {
        try options.after?.checkLies(below: options.path)
        return try await performInTurns(.lsFailed, options.path) { files throws(DirectoryAccess.Failure) in
            try TreeWalk(options, files)
        }
    }

    public func diskUsage(
        _ path: WorkspacePath,
        options: DiskUsageOptions
    ) async throws(BackendError) -> DiskUsage {
        try options.after?.checkLies(below: path)
        return try await performInTurns(.lsFailed, path) { files throws(DirectoryAccess.Failure) in
            try UsageWalk(path, options, files)
        }
    }
}
