internal import AgentBackend

extension LocalFiles {
    func copy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) throws(DirectoryAccess.Failure) -> CopyResult {
        throw .errno(95)
    }
}
