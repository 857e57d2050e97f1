package import NIOCore

/// What can be answered on the spot, on an event loop, without ever waiting for a disk or a lock that is held
/// for long.
package enum NonBlocking<Value: Sendable>: Sendable {
    case done(Value)
    case failed(BackendError)
    /// Ask the asynchronous way.
    case wouldBlock
}

/// A backend's answers that need no waiting, for a caller that must not wait. Each may say `wouldBlock` always.
package protocol NonBlockingOperations {
    /// A read whose bytes are at most `maximum` and at hand.
    func tryRead(_ path: WorkspacePath, range: ReadRange, maximum: Int) -> NonBlocking<(FileInfo, ByteBuffer)>
    func tryStat(_ path: WorkspacePath, followLink: Bool) -> NonBlocking<FileInfo>
    func tryWrite(_ path: WorkspacePath, _ bytes: ByteBuffer, options: WriteOptions) -> NonBlocking<FileInfo>
    func tryReaddir(_ path: WorkspacePath, options: ReaddirOptions) -> NonBlocking<DirectoryPage>
    func tryRemove(_ path: WorkspacePath, options: RemoveOptions) -> NonBlocking<Void>
    func tryMkdir(_ path: WorkspacePath, options: MkdirOptions) -> NonBlocking<Void>
    func tryTouch(_ path: WorkspacePath) -> NonBlocking<FileInfo>
    func tryRename(_ path: WorkspacePath, to destination: WorkspacePath, options: RenameOptions) -> NonBlocking<Void>
    func tryCopy(_ path: WorkspacePath, to destination: WorkspacePath, options: CopyOptions) -> NonBlocking<CopyResult>
    func tryListKeys(prefix: [UInt8], options: ListKeysOptions) -> NonBlocking<KeyPage>
    func tryDeleteKey(_ key: WorkspacePath) -> NonBlocking<Bool>
    func tryClearKeys() -> NonBlocking<Int>
}

extension NonBlocking {
    /// What `body` comes to, which does not wait.
    package init(_ body: () throws(BackendError) -> Value) {
        do throws(BackendError) {
            self = .done(try body())
        } catch {
            self = .failed(error)
        }
    }
}
