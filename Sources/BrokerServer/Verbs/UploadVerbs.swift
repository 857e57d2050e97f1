internal import AgentBackend
internal import BrokerWire
internal import NIOCore

/// A verb that works on an upload of the entry of its target.
protocol UploadVerb: Verb {
    func perform(in place: UploadPlace, _ stream: any CallStream) async throws(BackendError) -> Answer
}

extension UploadVerb {
    static var isModifying: Bool { true }
}

/// Where uploads are looked for.
struct UploadPlace {
    let uploads: Uploads
    let entry: BackendEntry
    let scope: WorkspacePath

    func key(_ name: String) -> Uploads.Key {
        Uploads.Key(entry: ObjectIdentifier(entry), scope: scope, name: name)
    }
}

extension UploadBegin: UploadVerb {
    static let name = "upload_begin"

    var subject: [UInt8] { file.path }

    func perform(in place: UploadPlace, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let path = try WorkspacePath(file.path)
        let backend = try place.entry.view(place.scope.bytes).backend
        let offset = try await place.uploads.begin(place.key(upload), of: place.entry.org.id, path, file.options) {
            () async throws(BackendError) in
            try await backend.openWriter(path, options: file.options)
        }
        return Answer(.uploadBegin(offset: offset))
    }
}

extension UploadAppend: UploadVerb {
    static let name = "upload_append"

    var subject: [UInt8] { Array(upload.utf8) }

    func perform(in place: UploadPlace, _ stream: any CallStream) async throws(BackendError) -> Answer {
        let key = place.key(upload)
        var next = offset
        // Also where no byte comes: it may be gone.
        var present = try await place.uploads.append(ByteBuffer(), at: next, to: key)
        while let piece = try await stream.receive() {
            present = try await place.uploads.append(piece, at: next, to: key)
            next += UInt64(piece.readableBytes)
        }
        return Answer(.uploadAppend(offset: present), streamedBytes: next - offset)
    }
}

extension UploadFinish: UploadVerb {
    static let name = "upload_finish"

    var subject: [UInt8] { Array(upload.utf8) }

    func perform(in place: UploadPlace, _ stream: any CallStream) async throws(BackendError) -> Answer {
        guard sha256.count == 32 else {
            throw BackendError(.invalidArgument, message: "a SHA-256 has 32 bytes, not \(sha256.count)")
        }
        return Answer(.uploadFinish(try await place.uploads.finish(place.key(upload), sha256: sha256)))
    }
}

extension UploadAbort: UploadVerb {
    static let name = "upload_abort"

    var subject: [UInt8] { Array(upload.utf8) }

    func perform(in place: UploadPlace, _ stream: any CallStream) async throws(BackendError) -> Answer {
        Answer(.uploadAbort(aborted: try await place.uploads.abort(place.key(upload))))
    }
}
