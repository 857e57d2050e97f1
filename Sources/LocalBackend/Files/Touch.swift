internal import AgentBackend

extension LocalFiles {
    func touch(_ path: WorkspacePath) throws(DirectoryAccess.Failure) -> FileInfo {
        throw .errno(95)
    }
}
