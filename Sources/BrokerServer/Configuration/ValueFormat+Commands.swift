// What limits of commands may be: those of all orgs and those of one.

extension ValueFormat where Value == Duration {
    static var cpuTime: Self { .duration(.milliseconds(100) ... .seconds(3650 * 86_400)) }
}

extension ValueFormat where Value == Int {
    /// Less than a shell needs would be no limit but a way to break all commands.
    static var commandMemory: Self { .size(16 << 20...1 << 50) }
    static var commandProcesses: Self { .count(16...4_000_000) }
    static var openFiles: Self { .count(64...1_000_000) }
    static var commandFile: Self { .size(1...1 << 50) }
    static var commandOutput: Self { .size(1...1 << 50) }
    static var cpuWeight: Self { .count(1...10_000) }
}
