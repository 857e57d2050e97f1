import AgentBackend
import Glibc
import Synchronization

/// The directory beneath which everything lies that a broker keeps, held by one broker at a time.
///
///     ROOT/lock                        who holds it
///     ROOT/v1/format                   version of the layout beneath v1
///     ROOT/v1/orgs/<org>/<key>/        a workspace: 0700, of the org
///     ROOT/v1/orgs/<org>/.tmp/         temporary files of the file operations: 0700, of the org
///     ROOT/v1/orgs/<org>/.keyless/     workspaces without a key: they end with their entry
///     ROOT/v1/orgs/<org>/.trash/       what is being removed: 0700
///     ROOT/v1/etc/                     copies of the host's files of /etc that commands see, made anew at each start
///     ROOT/state/                      what must outlive the broker: 0700
///     ROOT/state/used/<org>/<key>      when the key's workspace was last used
///
/// A broker that runs as root gives each org's files to the org's own uid. Everything above them belongs to root
/// and lets others pass but not look (0711), for a sandbox that runs as the org must reach its workspace. So
/// only root changes what a name in these directories stands for, and a path that was made here stays true.
///
/// Thread-safe. All methods block on the file system: they are not for an event loop.
package final class BrokerRoot: Sendable {
    /// Absolute and without symbolic links.
    package let path: String
    /// Whether the broker can give files to other users: it runs as root.
    package let isPrivileged: Bool
    /// For whoever starts commands to make.
    package var preparedFiles: String { "\(path)/v1/etc" }
    /// ROOT/v1/orgs.
    let orgs: OwnedDescriptor
    /// ROOT/state.
    let state: OwnedDescriptor
    private let lock: Mutex<RootLock?>

    init(
        path: String,
        isPrivileged: Bool,
        orgs: consuming OwnedDescriptor,
        state: consuming OwnedDescriptor,
        lock: consuming RootLock
    ) {
        self.path = path
        self.isPrivileged = isPrivileged
        self.orgs = orgs
        self.state = state
        self.lock = Mutex(lock)
    }

    /// Gives the root free for the next broker: to be called last of all, when nothing uses the files any more.
    /// Idempotent; the last reference does it too.
    package func close() {
        lock.withLock { $0 = nil }
    }
}
