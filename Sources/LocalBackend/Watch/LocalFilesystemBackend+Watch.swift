public import AgentBackend
internal import CLinux
internal import Glibc

extension LocalFilesystemBackend {
    public func watch(_ options: WatchOptions) async throws(BackendError) -> FileWatch {
        // What a link leads to on the way may be another place a moment later.
        for _ in 0..<LocalFiles.maximumRetries {
            let (access, place) = try await perform(.lsFailed, options.path) { files throws(DirectoryAccess.Failure) in
                _ = try files.access.open(options.path, flags: UInt64(O_RDONLY | O_NONBLOCK) | linux_o_directory)
                return (files.access, try files.access.resolve(options.path, followLast: true))
            }
            let watch = LocalWatch(options, at: place, of: self, access)
            do throws(BackendError) {
                if try await watch.begin() { return FileWatch(watch) }
                watch.close()
            } catch {
                watch.close()
                throw error.during("watch")
            }
        }
        throw BackendError(.lsFailed, errno: EBUSY, options.path).during("watch")
    }
}
