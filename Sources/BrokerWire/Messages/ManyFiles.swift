package import AgentBackend
internal import CBrokerProtos
internal import NIOCore

package struct StatMany: Sendable, Hashable {
    package var paths: [[UInt8]]
    package var followLink: Bool

    package init(paths: [[UInt8]], followLink: Bool = true) {
        self.paths = paths
        self.followLink = followLink
    }
}

extension StatMany: WireMessage {
    init(_ message: Agentbroker__V1__StatMany) throws(BackendError) {
        paths = try MessageReader.array(message.paths, count: message.n_paths) { MessageReader.bytes($0) }
        followLink = message.no_follow == 0
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__StatMany> {
        let message = builder.make(agentbroker__v1__stat_many__init)
        message.pointee.n_paths = paths.count
        message.pointee.paths = builder.array(paths) { builder.bytes($0) }
        message.pointee.no_follow = followLink ? 0 : 1
        return message
    }
}

package struct ReadMany: Sendable, Hashable {
    package var paths: [[UInt8]]
    package var options: ReadManyOptions

    package init(paths: [[UInt8]], options: ReadManyOptions = ReadManyOptions()) {
        self.paths = paths
        self.options = options
    }
}

extension ReadMany: WireMessage {
    init(_ message: Agentbroker__V1__ReadMany) throws(BackendError) {
        paths = try MessageReader.array(message.paths, count: message.n_paths) { MessageReader.bytes($0) }
        options = ReadManyOptions(maximumBytesPerFile: Int(message.max_bytes_per_file))
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ReadMany> {
        let message = builder.make(agentbroker__v1__read_many__init)
        message.pointee.n_paths = paths.count
        message.pointee.paths = builder.array(paths) { builder.bytes($0) }
        message.pointee.max_bytes_per_file = UInt32(clamping: options.maximumBytesPerFile)
        return message
    }
}

/// What each of several files was answered with.
package struct ManyFileInfos: Sendable {
    package var files: [Result<FileInfo, BackendError>]

    package init(_ files: [Result<FileInfo, BackendError>]) {
        self.files = files
    }
}

extension ManyFileInfos: WireMessage {
    init(_ message: Agentbroker__V1__StatManyReply) throws(BackendError) {
        files = try MessageReader.array(message.files, count: message.n_files) { file throws(BackendError) in
            switch file?.pointee.outcome_case {
            case AGENTBROKER__V1__FILE_INFO_OR_ERROR__OUTCOME_INFO?:
                if let info = file?.pointee.info { return .success(FileInfo(info.pointee)) }
            case AGENTBROKER__V1__FILE_INFO_OR_ERROR__OUTCOME_ERROR?:
                if let error = file?.pointee.error { return .failure(try BackendError(error.pointee)) }
            default: break
            }
            throw .nothingOfAFile
        }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__StatManyReply> {
        let message = builder.make(agentbroker__v1__stat_many_reply__init)
        message.pointee.n_files = files.count
        message.pointee.files = builder.array(files) { file in
            let message = builder.make(agentbroker__v1__file_info_or_error__init)
            switch file {
            case .success(let info):
                message.pointee.outcome_case = AGENTBROKER__V1__FILE_INFO_OR_ERROR__OUTCOME_INFO
                message.pointee.info = info.build(builder)
            case .failure(let error):
                message.pointee.outcome_case = AGENTBROKER__V1__FILE_INFO_OR_ERROR__OUTCOME_ERROR
                message.pointee.error = error.build(builder)
            }
            return message
        }
        return message
    }
}

/// What each of several files was answered with.
package struct ManyFileContents: Sendable {
    package var files: [Result<FileContents, BackendError>]

    package init(_ files: [Result<FileContents, BackendError>]) {
        self.files = files
    }
}

extension ManyFileContents: WireMessage {
    init(_ message: Agentbroker__V1__ReadManyReply) throws(BackendError) {
        files = try MessageReader.array(message.files, count: message.n_files) { file throws(BackendError) in
            switch file?.pointee.outcome_case {
            case AGENTBROKER__V1__FILE_CONTENTS_OR_ERROR__OUTCOME_CONTENTS?:
                guard let contents = file?.pointee.contents?.pointee, let info = contents.info else { break }
                return .success(
                    FileContents(
                        info: FileInfo(info.pointee),
                        bytes: ByteBuffer(bytes: MessageReader.bytes(contents.contents)),
                        isTruncated: contents.truncated != 0
                    )
                )
            case AGENTBROKER__V1__FILE_CONTENTS_OR_ERROR__OUTCOME_ERROR?:
                if let error = file?.pointee.error { return .failure(try BackendError(error.pointee)) }
            default: break
            }
            throw .nothingOfAFile
        }
    }

    func build(_ builder: MessageBuilder) -> UnsafeMutablePointer<Agentbroker__V1__ReadManyReply> {
        let message = builder.make(agentbroker__v1__read_many_reply__init)
        message.pointee.n_files = files.count
        message.pointee.files = builder.array(files) { file in
            let message = builder.make(agentbroker__v1__file_contents_or_error__init)
            switch file {
            case .success(let contents):
                let inner = builder.make(agentbroker__v1__file_contents__init)
                inner.pointee.info = contents.info.build(builder)
                inner.pointee.contents = builder.bytes(Array(contents.bytes.readableBytesView))
                inner.pointee.truncated = contents.isTruncated ? 1 : 0
                message.pointee.outcome_case = AGENTBROKER__V1__FILE_CONTENTS_OR_ERROR__OUTCOME_CONTENTS
                message.pointee.contents = inner
            case .failure(let error):
                message.pointee.outcome_case = AGENTBROKER__V1__FILE_CONTENTS_OR_ERROR__OUTCOME_ERROR
                message.pointee.error = error.build(builder)
            }
            return message
        }
        return message
    }
}

extension BackendError {
    fileprivate static var nothingOfAFile: BackendError {
        BackendError(.protocolError, message: "an answer tells nothing of a file: the broker is at fault")
    }
}
