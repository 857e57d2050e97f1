internal import AgentBackend
internal import BrokerWire

extension UnaryCall<UInt64> {
    static func uploadBegin(_ name: String, _ path: WorkspacePath, options: WriteOptions) -> Self {
        Self(operation: .uploadBegin(UploadBegin(upload: name, file: Write(path: path.bytes, options: options)))) {
            if case .uploadBegin(let offset) = $0 { offset } else { nil }
        }
    }
}

extension UnaryCall<FileInfo> {
    static func uploadFinish(_ name: String, sha256: [UInt8]) -> Self {
        Self(operation: .uploadFinish(UploadFinish(upload: name, sha256: sha256))) {
            if case .uploadFinish(let info) = $0 { info } else { nil }
        }
    }
}

extension UnaryCall<Bool> {
    static func uploadAbort(_ name: String) -> Self {
        Self(operation: .uploadAbort(UploadAbort(upload: name))) {
            if case .uploadAbort(let aborted) = $0 { aborted } else { nil }
        }
    }
}

extension UnaryCall<FileChecksum> {
    static func checksum(_ path: WorkspacePath, range: ReadRange) -> Self {
        Self(operation: .checksum(Checksum(path: path.bytes, range: range))) {
            if case .checksum(let checksum) = $0 { checksum } else { nil }
        }
    }
}

extension CallRequest {
    /// Pieces of an upload, from an offset on.
    static func uploadAppend(
        _ name: String,
        at offset: UInt64,
        on target: BrokerTarget,
        _ callOptions: BrokerCallOptions
    ) -> CallRequest {
        let append = Operation.uploadAppend(UploadAppend(upload: name, offset: offset))
        return CallRequest(append, on: target, options: callOptions, isWhole: false)
    }
}
