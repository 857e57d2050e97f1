internal import AgentBackend

extension LocalFiles {
    func rename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) throws(DirectoryAccess.Failure) {
        throw .errno(95)
    }
}
