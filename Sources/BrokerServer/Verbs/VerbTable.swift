internal import BrokerWire

extension Operation {
    enum Kind {
        case entry(any EntryVerb)
        case session(any SessionVerb)
        case stream(any StreamVerb)
    }

    /// The verb of each operation.
    var verb: Kind {
        switch self {
        case .echo: .entry(Echo())
        case .read(let verb): .entry(verb)
        case .write(let verb): .entry(verb)
        case .readdir(let verb): .entry(verb)
        case .stat(let verb): .entry(verb)
        case .rm(let verb): .entry(verb)
        case .exists(let verb): .entry(verb)
        case .mkdir(let verb): .entry(verb)
        case .touch(let verb): .entry(verb)
        case .rename(let verb): .entry(verb)
        case .copy(let verb): .entry(verb)
        case .glob(let verb): .entry(verb)
        case .grep(let verb): .entry(verb)
        case .edit(let verb): .entry(verb)
        case .readLines(let verb): .entry(verb)
        case .statMany(let verb): .entry(verb)
        case .readMany(let verb): .entry(verb)
        case .chmod(let verb): .entry(verb)
        case .symlink(let verb): .entry(verb)
        case .tree(let verb): .entry(verb)
        case .diskUsage(let verb): .entry(verb)
        case .archive(let verb): .entry(verb)
        case .extract(let verb): .entry(verb)
        case .watch(let verb): .entry(verb)
        case .listKeys(let verb): .entry(verb)
        case .deleteKey(let verb): .entry(verb)
        case .clearKeys: .entry(ClearKeys())
        case .execStart(let verb): .entry(verb)
        case .execList(let verb): .session(verb)
        case .execAttach(let verb): .stream(verb)
        case .execWait(let verb): .stream(verb)
        case .execSignal(let verb): .session(verb)
        case .execResize(let verb): .session(verb)
        case .acquire(let verb): .session(verb)
        case .release(let verb): .session(verb)
        case .describe: .session(Describe())
        case .listWorkspaces(let verb): .session(verb)
        case .deleteWorkspace(let verb): .session(verb)
        case .stats(let verb): .session(verb)
        case .connections(let verb): .session(verb)
        case .pools(let verb): .session(verb)
        case .logs(let verb): .stream(verb)
        case .reload: .session(Reload())
        case .drain: .session(Drain())
        }
    }
}
