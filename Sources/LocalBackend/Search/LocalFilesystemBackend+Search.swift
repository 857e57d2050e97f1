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

    /// Of the whole workspace, where an account of it is kept: from that, without a walk through it unless commands may
    /// have changed something since the last one. Of a directory in it, or of a scope: by a walk.
    public func diskUsage(
        _ path: WorkspacePath,
        options: DiskUsageOptions
    ) async throws(BackendError) -> DiskUsage {
        try options.after?.checkLies(below: path)
        if path.isRoot, root === root.outermost, options.after == nil, let usage {
            let counted = try await countedUsage(usage)
            // A page that is asked for to be shorter is counted as one.
            if options.limit == 0 || counted.files + counted.directories <= options.limit { return counted }
        }
        return try await performInTurns(.lsFailed, path) { files throws(DirectoryAccess.Failure) in
            try UsageWalk(path, options, files)
        }
    }
}
