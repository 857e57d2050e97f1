package import AgentBackend
internal import Glibc
package import NIOCore

/// Answers from the kernel's caches. The caller runs these as ``LocalFilesystemBackend/identity``, for a batch of
/// them at a time; see ``FileIdentity``.
extension LocalFilesystemBackend: NonBlockingOperations {
    package func tryRead(
        _ path: WorkspacePath,
        range: ReadRange,
        maximum: Int
    ) -> NonBlocking<(FileInfo, ByteBuffer)> {
        attempt(.readFailed, path) { access throws(DirectoryAccess.Failure) in
            try access.readCached(path, range: range, maximum: maximum)
        }
    }

    package func tryStat(_ path: WorkspacePath, followLink: Bool) -> NonBlocking<FileInfo> {
        attempt(.readFailed, path) { access throws(DirectoryAccess.Failure) in
            try access.stat(path, followLink: followLink)
        }
    }

    // Writing and listing may always wait for the disk.

    package func tryWrite(
        _ path: WorkspacePath,
        _ bytes: ByteBuffer,
        options: WriteOptions
    ) -> NonBlocking<FileInfo> { .wouldBlock }

    package func tryReaddir(_ path: WorkspacePath, options: ReaddirOptions) -> NonBlocking<DirectoryPage> {
        .wouldBlock
    }

    package func tryRemove(_ path: WorkspacePath, options: RemoveOptions) -> NonBlocking<Void> { .wouldBlock }

    package func tryMkdir(_ path: WorkspacePath, options: MkdirOptions) -> NonBlocking<Void> { .wouldBlock }

    package func tryTouch(_ path: WorkspacePath) -> NonBlocking<FileInfo> { .wouldBlock }

    package func tryRename(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: RenameOptions
    ) -> NonBlocking<Void> { .wouldBlock }

    package func tryCopy(
        _ path: WorkspacePath,
        to destination: WorkspacePath,
        options: CopyOptions
    ) -> NonBlocking<CopyResult> { .wouldBlock }

    package func tryListKeys(prefix: [UInt8], options: ListKeysOptions) -> NonBlocking<KeyPage> {
        .failed(.keysOfFiles("list_keys"))
    }

    package func tryDeleteKey(_ key: WorkspacePath) -> NonBlocking<Bool> { .failed(.keysOfFiles("delete_key")) }

    package func tryClearKeys() -> NonBlocking<Int> { .failed(.keysOfFiles("clear_keys")) }

    private func attempt<Value: Sendable>(
        _ code: BackendError.Code,
        _ path: WorkspacePath,
        _ body: (DirectoryAccess) throws(DirectoryAccess.Failure) -> Value
    ) -> NonBlocking<Value> {
        guard let directory = root.openDescriptor else { return .wouldBlock }
        do throws(DirectoryAccess.Failure) {
            return .done(try body(DirectoryAccess(root: directory, cachedOnly: true)))
        } catch .wouldBlock {
            return .wouldBlock
        } catch .errno(ENOENT) where directory.isRemoved {
            return .wouldBlock
        } catch {
            return .failed(error.error(code, path))
        }
    }
}
