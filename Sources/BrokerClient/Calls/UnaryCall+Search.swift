internal import AgentBackend
internal import BrokerWire

extension UnaryCall<FilePage> {
    static func glob(_ pattern: GlobPattern, options: GlobOptions) -> Self {
        Self(operation: .glob(Glob(pattern, options))) { if case .glob(let page) = $0 { page } else { nil } }
    }

    static func tree(_ options: TreeOptions) -> Self {
        Self(operation: .tree(Tree(options))) { if case .tree(let page) = $0 { page } else { nil } }
    }
}

extension UnaryCall<GrepPage> {
    static func grep(_ pattern: GrepPattern, options: GrepOptions) -> Self {
        Self(operation: .grep(Grep(pattern, options))) { if case .grep(let page) = $0 { page } else { nil } }
    }
}

extension UnaryCall<DiskUsage> {
    static func diskUsage(_ path: WorkspacePath, options: DiskUsageOptions) -> Self {
        Self(operation: .diskUsage(MeasureUsage(path: path.bytes, options))) {
            if case .diskUsage(let usage) = $0 { usage } else { nil }
        }
    }
}
