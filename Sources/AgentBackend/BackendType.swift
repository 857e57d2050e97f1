/// Where a key's files live. The raw values are the names that configuration, logs and the seed use.
public enum BackendType: String, Sendable, Hashable, CaseIterable {
    /// Real files beneath a directory, and commands beside them.
    case localFilesystem = "local-filesystem"
    /// Bytes in memory, by pseudo path. No commands.
    case memory
    /// A client's view of a broker.
    case remoteFilesystem = "remote-filesystem"
}
