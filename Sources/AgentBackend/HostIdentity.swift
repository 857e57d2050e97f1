/// The unprivileged user and group of the broker's host that an org's file operations and commands run as.
public struct HostIdentity: Sendable, Hashable {
    public var uid: UInt32
    public var gid: UInt32

    public init(uid: UInt32, gid: UInt32) {
        self.uid = uid
        self.gid = gid
    }
}
